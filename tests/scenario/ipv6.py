# SPDX-License-Identifier: MIT
"""ipv6: a call over [::1], signaling and audio; every address kedge writes is one of IPv6, in brackets where a URI holds it."""


def scenario(t):
    t.v6 = True
    ca = t.carrier("ca", answer())
    pbx = t.caller(call(talk=0.8))
    t.run()
    for m in ca.got("INVITE") + pbx.got("200 INVITE"):
        assert "c=IN IP6 ::1" in m.body and "o=- " in m.body and "IP4" not in m.body, m.body
        assert "[::1]" in m["Contact"], m.text
    assert ca.received("BYE") == 1


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
