# SPDX-License-Identifier: MIT
"""adaptive_off (A152): with first_response_adaptive=false twenty quick replies change nothing: a carrier that answers its probes and swallows INVITEs gets the
configured 2 s."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 486}, timers={"first_response_adaptive": False})
    cb = t.carrier("cb", answer())
    t.caller(fails(486), numbers=["+4420718%05d" % i for i in range(24)], rate=24)
    t.run()
    assert cb.received("INVITE") == 0
    del ca.answers["INVITE"]
    before = len(ca.got("INVITE"))
    t.caller(call(talk=0.2), name="late")
    t.run()
    waited = t.gap(ca.got("INVITE")[before], cb.first("INVITE"))
    assert 1.9 < waited < 2.4, waited
