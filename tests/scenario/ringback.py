# SPDX-License-Identifier: MIT
"""ringback (A84): the primary is silent. The first caller hears ringing within 3 s, cold; once the primary is known dead, the next one at once."""


def scenario(t):
    ca = t.silent("ca")
    t.carrier("cb", answer(ring=0.02, after=0.2))
    cold = t.caller(call(talk=0.1))
    t.run()
    assert t.gap(cold.sent("INVITE")[0], cold.first(180)) < 3, "cold: %.3f s" % t.gap(cold.sent("INVITE")[0], cold.first(180))
    for i in range(2):
        t.caller(call(talk=0.1), host=2 + i)
        t.run()
    assert t.until(lambda: any(e["trunk"] == "ca" and e["to"] == "DOWN" for e in t.events("trunk.state")), 5)
    known = t.caller(call(talk=0.1), host=5, name="known")
    before = len(ca.got("INVITE"))
    t.run()
    assert t.gap(known.sent("INVITE")[0], known.first(180)) < 0.1, t.gap(known.sent("INVITE")[0], known.first(180))
    assert len(ca.got("INVITE")) == before
