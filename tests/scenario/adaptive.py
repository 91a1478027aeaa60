# SPDX-License-Identifier: MIT
"""adaptive (A152): twenty replies of a few milliseconds are known, then the carrier dies: the next call is elsewhere after about 500 ms, not after
first_response; with first_response_adaptive=false and probes answered it would be 2 s."""


def scenario(t):
    ca = t.carrier("ca", answer())
    cb = t.carrier("cb", answer())
    t.caller(call(talk=0.1), numbers=["+4420718%05d" % i for i in range(20)], rate=10, limit=5)
    t.run()
    assert ca.received("INVITE") == 20
    ca.freeze()
    late = t.caller(call(talk=0.2), name="late")
    assert late.wait(15) == 0
    waited = t.gap(late.sent("INVITE")[0], cb.first("INVITE"))
    assert 0.4 < waited < 1.2, waited
    ca.thaw()
    t.audio_strict = False
