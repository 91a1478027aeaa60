# SPDX-License-Identifier: MIT
"""last_target (A125): the second of three carriers rings only after 14.9 s, as routes abroad do in a failover: it is kept, and the third is not called. Time runs ten times
faster."""


def scenario(t):
    t.time_scale = 10
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503})
    cb = t.carrier("cb", [recv("INVITE"), send(100), pause(1.49), send(180), pause(0.1), send(200), recv("ACK"), recv("BYE"), send(200)])
    cc = t.carrier("cc", answer())
    t.caller(call(talk=0.2))
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1 and cc.received("INVITE") == 0
    assert not cb.got("CANCEL")
    assert t.gap(cb.first("INVITE"), cb.sent(180)[0]) > 1.4
