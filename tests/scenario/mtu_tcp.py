# SPDX-License-Identifier: MIT
"""mtu_tcp: the carrier's hop is UDP and its trunk says udp_mtu: an INVITE that is longer goes by TCP to the same address, with all of its dialog; a shorter one does not."""

LONG = "Subject: " + "long " * 160


def scenario(t):
    ca = t.carrier("ca", answer(), udp_mtu=1000)
    tcp = t.serve("ca_tcp", 2, 1, answer(), transport="tcp")
    t.caller(call(talk=0.4))
    t.caller([invite(headers=[LONG])] + call(talk=0.4)[1:], host=2)
    t.run()
    assert ca.received("INVITE") == 1 and ca.received("BYE") == 1 and len(ca.first("INVITE").text.encode()) < 1000
    assert tcp.received("INVITE") == 1 and tcp.received("BYE") == 1 and len(tcp.first("INVITE").text.encode()) > 1000
    assert "transport=tcp" in tcp.first("INVITE")["Contact"] and tcp.first("INVITE")["Via"].startswith("SIP/2.0/TCP ")


def after(t):
    t.heard("ca", 10)
    t.heard("ca_tcp", 10)
    said, = t.events("call.long")
    assert (said["trunk"], said["over"], said["why"]) == ("ca", "tcp", "udp_mtu"), said
