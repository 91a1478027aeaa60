# SPDX-License-Identifier: MIT
"""no_descriptor: idle TCP connections take the last descriptor of signaling. Who comes by TCP then is closed at once and counted, a call by UDP still passes, and
once the connections are gone TCP callers are served again. Twice."""
import os
import resource
import time

SPARE = 12


def scenario(t):
    ca = t.carrier("ca", answer())
    t.top["limits"] = {"max_source_connections": 10000}
    t.start()
    pid = t.pid("sig")
    fds = lambda: len(os.listdir("/proc/%d/fd" % pid))
    before = fds()
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    highest = max(int(n) for n in os.listdir("/proc/%d/fd" % pid))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1 + SPARE, hard))
    for turn in (1, 2):
        refused = t.figures()["counters"]["refused_no_fd"]
        held = [t.connect() for i in range(SPARE + 30 + highest - before)]
        assert t.until(lambda: sum(t.hung_up(s) for s in held) >= 20, 3), "%d closed, %d descriptors" % (sum(t.hung_up(s) for s in held), fds())
        cpu = spent(pid)
        time.sleep(0.5)
        assert spent(pid) - cpu < 0.25, "signaling is busy with connections that it cannot take"
        t.caller(call(talk=0.6), name="udp%d" % turn)
        t.run()
        for s in held:
            s.close()
        assert t.until(lambda: fds() <= before + 2, 5), "%d descriptors, %d before" % (fds(), before)
        assert t.figures()["counters"]["refused_no_fd"] - refused >= 20
        t.caller(call(talk=0.6), name="tcp%d" % turn, transport="tcp")
        t.run()
    assert t.pid("sig") == pid and ca.received("BYE") == 4


def spent(pid):
    with open("/proc/%d/stat" % pid) as f:
        return sum(int(n) for n in f.read().rpartition(")")[2].split()[11:13]) / os.sysconf("SC_CLK_TCK")


def after(t):
    t.heard("ca", 20)
