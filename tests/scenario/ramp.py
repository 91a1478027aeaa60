# SPDX-License-Identifier: MIT
"""ramp (A20 A21 A36 A87 A106 A135): the primary refuses three calls and is well again at once. While it is DOWN it gets OPTIONS and no call; after good probes for
min_uptime (3 s here, 300 s by default) it is in TRIAL and gets 10, then 50 % of its calls, which `kedge trunks` shows; then UP, and all of them."""
from datetime import datetime


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503}, probe={"interval": "1s", "down_interval": "1s"},
                  breaker={"open": "1s", "min_uptime": "3s", "ramp": [10, 50, 100], "ramp_step": "2s", "trial": 64})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": 486})
    calls(t, 3, limit=1)
    assert ca.received("INVITE") == 3 and cb.received("INVITE") == 3
    ca.answers["INVITE"] = 486
    asked = ca.received("OPTIONS")
    assert calls(t, 20, rate=20).wait(5) == 0
    assert ca.received("INVITE") == 3, "a call while it was DOWN"
    assert t.until(lambda: ca.received("OPTIONS") > asked, 5)
    assert t.until(lambda: states(t)[-1][0] == "TRIAL", 15), states(t)
    stream = calls(t, 60, rate=20)
    shown = set()
    assert t.until(lambda: shown.add(t.trunk_now("ca")["hops"][0]["percent"]) or states(t)[-1][0] == "UP", 20), states(t)
    assert {10, 50} <= shown, shown
    assert stream.wait(10) == 0
    assert 3 < ca.received("INVITE") < 63, "%d of 60 calls" % (ca.received("INVITE") - 3)
    assert [s for s, _ in states(t)][-3:] == ["DOWN", "TRIAL", "UP"], states(t)
    at = {e["to"]: datetime.fromisoformat(e["time"]) for e in t.events("trunk.state") if e["trunk"] == "ca"}
    assert (at["TRIAL"] - at["DOWN"]).total_seconds() >= 3 and (at["UP"] - at["TRIAL"]).total_seconds() >= 6, at
    before = cb.received("INVITE")
    assert calls(t, 5).wait(5) == 0
    assert cb.received("INVITE") == before


def calls(t, n, **how):
    name = "caller%d" % (len(t.callers) + 1)
    caller = t.caller(fails(486), numbers=["+4420718%05d" % i for i in range(n)], name=name, host=1 + len(t.callers), **how)
    if "limit" in how:
        assert caller.wait(10) == 0
    return caller


def states(t):
    return [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"] or [("", "")]
