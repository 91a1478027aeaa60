# SPDX-License-Identifier: MIT
"""tcp: the PBX comes by UDP, the first carrier is reached by TCP and refuses, the second by TCP too and answers; then a PBX by TCP to a UDP carrier."""


def scenario(t):
    ca = t.carrier("ca", refuse(503), transport="tcp")
    cb = t.carrier("cb", answer(), transport="tcp")
    cc = t.carrier("cc", answer())
    t.routes = [{"name": "tcp", "from": "pbx1", "profile": "out"}, {"name": "udp", "from": "pbx1", "prefix": "44999", "profile": "other"}]
    t.profiles = {"out": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "other": {"targets": [{"trunk": "cc"}]}}
    t.caller(call(talk=0.6))
    t.caller(call(talk=0.6), numbers=["+44999"], transport="tcp", host=2)
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1 and cb.received("BYE") == 1 and cc.received("BYE") == 1
    assert "SIP/2.0/TCP" in cb.first("INVITE")["Via"] and "transport=tcp" in cb.first("INVITE")["Contact"].lower()
    assert "SIP/2.0/UDP" in cc.first("INVITE")["Via"]
    assert t.peers["caller2"].received("200 INVITE") == 1


def after(t):
    t.heard("cb", 20)
    t.heard("cc", 20)
