# SPDX-License-Identifier: MIT
"""partition (A28): a carrier that others reach is unreachable from here: in a network of the test's own a packet filter takes all that kedge and it send each
other. A call that meets the hole is on the next carrier within 3 s, later calls at once; the same with a filter that answers by ICMP, and with one on
kedge's own host, whose refusal the send itself gets. Each time the filter is taken away the carrier comes back by its probes."""
import ctypes
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000
HOLES = {"drop": "input ip saddr %s ip daddr %s udp dport 5060 drop", "reject": "input ip saddr %s ip daddr %s udp dport 5060 reject with icmp type admin-prohibited",
         "refused": "output ip saddr %s ip daddr %s udp dport 5060 drop"}


def own_network():
    if os.geteuid() != 0 or not shutil.which("nft"):
        raise Skip("needs root and nftables")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise Skip("no network namespace: %s" % os.strerror(ctypes.get_errno()))
    sh("ip link set lo up")
    if sh("nft add table ip hole", may_fail=True) != 0:
        raise Skip("the kernel has no nf_tables")
    for hook in ("input", "output"):
        sh("nft add chain ip hole %s { type filter hook %s priority 0 ; }" % (hook, hook))


def sh(command, may_fail=False):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    assert may_fail or done.returncode == 0, "%s: %s" % (command, done.stderr)
    return done.returncode


def scenario(t):
    own_network()
    ca = t.carrier("ca", answer(), breaker={"open": "1s", "min_uptime": "0s", "ramp": [], "ramp_step": "0s"}, probe={"up": 1, "interval": "1s", "down_interval": "1s"})
    cb = t.carrier("cb", answer())
    for i, (kind, rule) in enumerate(HOLES.items()):
        t.start()
        assert t.until(lambda: state(t) == "UP", 15), kind
        t.caller(call(talk=0.1), numbers=["+4420718%d0000" % i], name=kind + "_before").wait(5)
        sh("nft add rule ip hole " + rule % (t.ip(4), t.ip(2, 1)))
        first = t.caller(call(talk=0.2), numbers=["+4420718%d0001" % i], name=kind + "_first", user="100%d" % i)
        assert first.wait(8) == 0, kind
        later = t.caller(call(talk=0.2), numbers=["+4420718%d000%d" % (i, n) for n in (2, 3)], rate=5, name=kind + "_later", user="200%d" % i)
        assert later.wait(8) == 0, kind
        waits = [waited(cb, p, n) for p in (first, later) for n in range(len(p.sent("INVITE")))]
        print("%s: INVITE at the second carrier after %s s" % (kind, " ".join("%.3f" % w for w in waits)))
        assert waits[0] < (3 if kind == "drop" else 0.3) and max(waits[1:]) < 0.2, (kind, waits)
        sh("nft flush table ip hole")
    assert t.until(lambda: state(t) == "UP", 15)
    t.caller(call(talk=0.1), numbers=["+442071890000"], name="last").wait(5)
    t.run()


def after(t):
    for r in t.cdr():
        lost = r["dst"][-1] in "123"
        assert r["trunk"] == ("cb" if lost else "ca"), r


def waited(cb, caller, n):
    """From the caller's INVITE to the one at the second carrier."""
    sent = caller.sent("INVITE")[n]
    number = sent.uri.split("@")[0]
    return next(m for m in cb.got("INVITE") if m.uri.startswith(number)).when - sent.when


def state(t):
    changes = [e for e in t.events("trunk.state") if e["trunk"] == "ca"]
    return changes[-1]["to"] if changes else None
