# SPDX-License-Identifier: MIT
"""wire_failover: over UDP or TCP, IPv4 or IPv6, the first carrier refuses with 503, the second's port is closed, the third answers."""


def scenario(t):
    ca = t.carrier("ca", refuse(503))
    t.absent("cb")
    cc = t.carrier("cc", answer())
    pbx = t.caller(call(talk=0.5))
    t.run()
    assert ca.received("INVITE") == 1 and cc.received("INVITE") == 1 and cc.received("BYE") == 1 and pbx.received("200 INVITE") == 1
    assert t.gap(pbx.sent("INVITE")[0], cc.got("INVITE")[0]) < 1


def after(t):
    t.heard("caller1", 20)
    t.heard("cc", 20)
    assert [a["trunk"] for a in t.decisions()[0]["attempts"]] == ["ca", "cb", "cc"], t.decisions()
