# SPDX-License-Identifier: MIT
"""limit_from (A27): a trunk's limits hold for the calls it sends too, over all its addresses: one more than max_calls gets 503 with Retry-After, a
counter and an event say why, and the next one passes as soon as a call has ended."""


def scenario(t):
    ca = t.carrier("ca", answer())
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.0/24" % t.slot], max_calls=2)
    t.start()
    held = t.caller(call(talk=1.5), numbers=["+442071838750", "+442071838751"], rate=50)
    assert t.until(lambda: held.received("200 INVITE") == 2, 5), held.errors()
    late = t.caller(fails(503), name="late", host=2)
    assert late.wait(5) == 0, late.errors()
    assert late.first(503)["Retry-After"] == "1"
    assert t.figures()["counters"]["refused_limit"] == 1
    assert [e["why"] for e in t.told("call.refused")] == ["trunk_max_calls"]
    assert held.wait(8) == 0, held.errors()
    again = t.caller(call(talk=0.2), name="again", host=3)
    t.cdrs = 3
    t.run()
    assert again.received("200 INVITE") == 1 and ca.received("INVITE") == 3
