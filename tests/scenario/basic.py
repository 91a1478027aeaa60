# SPDX-License-Identifier: MIT
"""basic: a call each way through kedge, talked both ways; nothing lost, one call record each."""


def scenario(t):
    ca = t.carrier("ca", answer())
    pbx = t.caller(call(talk=1.0))
    t.run()
    assert ca.received("INVITE") == 1 and ca.received("BYE") == 1
    assert len(pbx.got("200 INVITE")) == 1


def after(t):
    t.heard("caller1", 40)
    t.heard("ca", 40)
