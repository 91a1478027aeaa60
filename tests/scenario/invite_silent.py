# SPDX-License-Identifier: MIT
"""invite_silent (A97 A74): the primary answers OPTIONS and swallows INVITEs. The first two calls, to two numbers, are on the secondary after first_response each (500 ms here); then it is DOWN by
invite_silent: the third call does not wait. Time runs ten times faster."""


def scenario(t):
    t.time_scale = 10
    ca = t.silent("ca", {"OPTIONS": 200}, timers={"first_response": "5s", "first_response_adaptive": False})
    cb = t.carrier("cb", answer())
    t.start()
    states = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    assert t.until(lambda: ("UP", "probed") in states(), 4)
    pbx = t.caller(call(talk=0.1), numbers=["+44207183875%d" % i for i in range(3)], rate=1, limit=1)
    t.run()
    assert len({m["Call-ID"] for m in ca.got("INVITE")}) == 2
    waits = [t.gap(a, b) for a, b in zip(pbx.sent("INVITE"), cb.got("INVITE"))]
    assert 0.4 < waits[0] < 0.9 and 0.4 < waits[1] < 0.9 and waits[2] < 0.08, waits
    assert states()[-1] == ("DOWN", "invite_silent"), states()
    asked = len(ca.got("OPTIONS"))
    assert t.until(lambda: len(ca.got("OPTIONS")) > asked, 3)  # asked on, and answered
    skips = [d["targets"][0] for d in t.decisions() if "skip" in d["targets"][0]]
    assert [(s["trunk"], s["skip"], s["reason"]) for s in skips] == [("ca", "down", "invite_silent")], skips
