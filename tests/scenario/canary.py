# SPDX-License-Identifier: MIT
"""canary (A77 A116): backups that no call used for canary_idle. One with an echo number gets a test INVITE, and works as far as signaling shows; one that answers OPTIONS and
refuses INVITEs is found before it is needed, and is DOWN; one with canary = "call" gets the next caller, once, and the first target has the one after. One that is
used gets no test. Time runs sixty times faster: a minute is a second."""

ECHO = "+441512227777"


def scenario(t):
    t.time_scale = 60
    idle = {"canary_idle": "1min", "min_call_duration": "0s"}
    rings = {"INVITE": lambda raw, m: raw.reply(m, 180), "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))}
    slow = {"method": "OPTIONS", "number": ECHO, "timeout": "20s"}
    t.carrier("ca", answer(), **idle)
    cb = t.silent("cb", dict(rings, OPTIONS=200), probe=slow, **idle)
    t.silent("cc", {"OPTIONS": 200, "INVITE": 503}, probe=slow, **idle)
    cd = t.carrier("cd", answer(), canary="call", canary_idle="3min", min_call_duration="0s")
    t.start()
    told = lambda name: [(e["verdict"], e["code"]) for e in t.events("trunk.canary") if e["trunk"] == name]
    assert t.until(lambda: len(told("cb")) >= 2 and len(told("cc")) >= 3, 10), t.events("trunk.canary")
    assert set(told("cb")) == {("signaling_only", 200)} and told("cc")[:3] == [("failed", 503)] * 3
    assert "sip:%s@" % ECHO in cb.first("INVITE").uri
    assert t.until(lambda: cb.received("ACK") >= 1, 3)
    states = lambda name: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == name]
    assert ("DOWN", "consecutive:503") in states("cc"), states("cc")
    assert not [s for s, _ in states("cb") if s == "DOWN"]
    assert not told("ca") and not told("cd")
    t.until(lambda: False, 3)
    t.caller(call(talk=0.1), numbers=["+44207183875%d" % i for i in range(3)], rate=5, limit=1)
    t.run()
    t.until(lambda: len(t.cdr()) == 3, 5)
    assert [r["trunk"] for r in t.cdr()] == ["cd", "ca", "ca"], [r["trunk"] for r in t.cdr()]
    assert cd.received("INVITE") == 1
    assert t.decisions()[0]["targets"][0]["skip"] == "canary"
