# SPDX-License-Identifier: MIT
"""udp_to_tcp: the PBX calls over UDP, the carrier is reached over TCP; two calls share its connection."""


def scenario(t):
    ca = t.carrier("ca", answer(), transport="tcp")
    t.caller(call(talk=0.6), numbers=["+442071838750", "+442071838751"])
    t.run()
    assert ca.received("INVITE") == 2 and ca.received("BYE") == 2
    assert all(m["Via"].startswith("SIP/2.0/TCP ") for m in ca.got("INVITE") + ca.got("BYE"))


def after(t):
    t.heard("caller1", 20, calls=2)
    t.heard("ca", 20, calls=2)
