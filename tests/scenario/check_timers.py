# SPDX-License-Identifier: MIT
"""check_timers (A83 A109): `kedge check --timers` prints transaction, retry, re-route and failback of each trunk and profile, with the sums at worst and the worst detection
time, all as the configuration has them; the room behind the first trunk stands beside its own; a detection of more than a minute is warned of."""


def scenario(t):
    t.silent("ca", {"OPTIONS": 200}, max_calls=80, probe={"interval": "90s"}, timers={"progress": "6s"})
    t.silent("cb", {"OPTIONS": 200}, max_calls=60, breaker={"open": "1min", "min_uptime": "2min", "ramp": [10, 100], "ramp_step": "20s"})
    t.profiles = {"out": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "one": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": p, "profile": n} for n, p in (("out", "0"), ("one", "1"))]
    t.cdrs = 0
    t.start()
    said = t.verb("check", "--timers")
    blocks = {b.splitlines()[0]: b for b in said.replace("\ntrunk ", "\n\ntrunk ").replace("\nprofile ", "\n\nprofile ").split("\n\n")}
    cb, one, out = blocks["trunk cb"], blocks["profile one"], blocks["profile out"]
    for words in ("T1 500ms", "after 32s (timer B)", "without calls within 32s", "100 and no more 8s (later targets 15s)",
                  "130s after it is well (open 60s, min_uptime 120s)", "all of them after 170s (2 steps of 20s)"):
        assert words in cb, (words, cb)
    for words in ("the same trunk 3 times", "10500ms in all at worst", "setup_budget 120s"):
        assert words in one, (words, one)
    assert "ca 6s, then cb, tried 6s after the INVITE at worst" in out and "never the same trunk again" in out, out
    assert "worst detection time without calls: 92s (trunk ca)" in said, said
    assert "profile out: room for 80 calls through its first trunk, 60 through the others" in said, said
