# SPDX-License-Identifier: MIT
"""dead_and_back (A18 A25 A28 A47 A101): three 503 in a row take the primary DOWN: later calls skip it. After good probes for min_uptime (30 s here) it is UP,
and first again. Time runs ten times faster."""
from datetime import datetime


def scenario(t):
    t.time_scale = 10
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503}, breaker={"min_uptime": "30s", "ramp": [100], "ramp_step": "0s"})
    cb = t.carrier("cb", answer())
    numbers = ["+44207183875%d" % i for i in range(5)]
    t.caller(call(talk=0.1), numbers=numbers, rate=4)
    t.run()
    assert ca.received("INVITE") == 3 and cb.received("INVITE") == 5
    states = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    assert ("DOWN", "consecutive:503") in states()
    skips = [d["targets"][0] for d in t.decisions() if "skip" in d["targets"][0]]
    assert [(s["trunk"], s["skip"], s["reason"], s["code"]) for s in skips] == [("ca", "down", "consecutive", 503)] * 2, skips
    assert t.until(lambda: states()[-1] == ("UP", "ramped"), 10)
    down, up = [datetime.fromisoformat(e["time"]) for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] != "TRIAL"][-2:]
    assert 3.0 <= (up - down).total_seconds() < 9
    ca.answers["INVITE"] = 486
    t.caller(fails(486), host=2)
    t.run()
    assert ca.received("INVITE") == 4 and cb.received("INVITE") == 5
