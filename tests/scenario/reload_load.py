# SPDX-License-Identifier: MIT
"""reload_load (A70): five hundred calls, fifty a second, and meanwhile twenty reloads, two a second: a trunk comes and goes, the order of targets turns round, timers and
probes change, and each fourth time a trunk's file is broken. Every call is answered and ended, none is lost, not a packet is missing in either direction."""
import subprocess
import os

CALLS, RATE, RELOADS = 500, 50, 20


def scenario(t):
    t.top = {"log": {"level": "info"}, "limits": {"max_calls": 190}}
    t.keep_audio, t.trace, t.ends = False, False, CALLS
    t.trunk_file = t.folder + "/trunks.d/ce.cfg"
    names = ["ca", "cb", "cc", "cd"]
    for name in names:
        t.carrier(name, answer(), ends=CALLS)  # each call has ends of its own
    t.start()
    pbx = t.caller(call(1.5), numbers=["+4420718%05d" % i for i in range(CALLS)], rate=RATE)
    trunks = dict(t.trunks)
    done = refused = 0
    for i in range(RELOADS):
        assert t.until(lambda: t.figures()["counters"]["calls_in"] >= CALLS * i // RELOADS, 20)
        broken = i % 4 == 3
        listed = [n for n in names if i % 2 or n != "cd"]
        t.targets = listed[i % 3:] + listed[:i % 3]
        t.trunks = {n: k for n, k in trunks.items() if n in (*listed, "pbx1")}
        for n in listed:
            t.trunks[n] = dict(t.trunks[n], probe={"interval": "%ds" % (10 + i)}, timers={"ring": "%ds" % (60 + i)})
        t.write_config()
        os.makedirs(t.folder + "/trunks.d", exist_ok=True)
        if broken:
            with open(t.trunk_file, "w") as f:
                f.write('side = "carrier"; uri = "sip:nowhere:70000";\n')
        elif os.path.exists(t.trunk_file):
            os.unlink(t.trunk_file)
        code = subprocess.run([os.path.join(t.build, "kedge"), "reload", "-f", t.config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, KEDGE_TEST="1")).returncode
        assert code == (1 if broken else 0), (i, code)
        done, refused = done + (not broken), refused + broken
    assert not pbx.process.poll(), "the calls are to go on behind the last reload"
    t.run(40)
    print("%d reloads and %d refused ones while %d calls went through" % (done, refused, CALLS))


def after(t):
    records = t.cdr()
    assert {r["code"] for r in records} == {200} and all(sum(not a["skipped"] for a in r["attempts"]) == 1 for r in records), [r for r in records if r["code"] != 200][:1]
    assert {r["trunk"] for r in records} >= {"ca", "cb", "cc"}
    assert len({r["generation"] for r in records}) > 10, {r["generation"] for r in records}
    for name in ("ca", "cb", "cc", "caller1"):
        for end in t.heard(name, 0):
            assert end["lost"] == 0, (name, end)
