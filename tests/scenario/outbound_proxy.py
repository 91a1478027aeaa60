# SPDX-License-Identifier: MIT
"""outbound_proxy (A145): INVITE, in-dialog requests and OPTIONS arrive at the proxy; Request-URI, To and From keep the host of uri."""


def scenario(t):
    ca = t.carrier("ca", answer(), uri="sip:sip.alpha.example", outbound_proxy="sip:%s:5060;transport=udp" % t.ip(2, 1))
    t.caller(call(talk=0.4))
    t.run()
    m = ca.first("INVITE")
    assert m.uri == "sip:+442071838750@sip.alpha.example", m.uri
    assert m["To"] == "<sip:+442071838750@sip.alpha.example>", m["To"]
    assert "@sip.alpha.example>;tag=" in m["From"], m["From"]
    assert ca.received("ACK") == 1 and ca.received("BYE") == 1
    assert t.until(lambda: ca.got("OPTIONS"), 5)
    probe = ca.first("OPTIONS")
    assert probe.uri == "sip:sip.alpha.example", probe.uri
    assert "sip.alpha.example" in probe["To"] and "sip.alpha.example" in probe["From"], probe.text


def after(t):
    t.heard("ca", 10)
