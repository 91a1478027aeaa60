# SPDX-License-Identifier: MIT
"""invite_rate: a PBX that calls faster than its trunk's invite_rate gets 503 with Retry-After for what is too much, twice as much is not answered at all, another address of the
same PBX has its own share, and after a second calls pass again. The log says why."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 404})
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.0/24" % t.slot], invite_rate=5, invite_burst=10)
    t.start()
    a, b, kedge = t.tool("a", host=20), t.tool("b", host=21), (t.ip(3), 5060)
    calls(a, kedge, "a", 30)
    calls(b, kedge, "b", 3)
    assert t.until(lambda: a.received(404) >= 10 and a.received(503) >= 5 and b.received(404) == 3, 5), (a.messages(), b.messages())
    t.until(lambda: False, 0.3)
    passed, refused = a.received(404), a.received(503)
    # The rate goes on while we send: a few more than the burst and the rate may pass on a slow machine.
    assert 10 <= passed <= 15 and 5 <= refused <= 10 and passed + refused < 30, (passed, refused)
    assert a.first(503)["Retry-After"] == "1" and b.received(503) == 0
    t.until(lambda: False, 0.8)
    calls(a, kedge, "later", 2)
    assert t.until(lambda: a.received(404) == passed + 2, 3)
    assert t.figures()["counters"]["refused_rate"] == 30 - passed
    why = t.told("sip.refused")
    assert why and all(e["why"] == "invite_rate" and e["trunk"] == "pbx1" and e["source"] == t.ip(1, 20) for e in why), why
    assert ca.received("INVITE") == passed + 5
    t.cdrs = passed + 5


def calls(raw, kedge, name, n):
    for i in range(n):
        call_id = "%s%d" % (name, i)
        raw.say(raw.begin("INVITE", "+442071838750", kedge, call_id, tag=call_id, body=raw.sdp(), branch=call_id), kedge)
