# SPDX-License-Identifier: MIT
"""answer_in_183: the carrier's answer came with its 183, its 200 has no body (RFC 3261 13.2.1). The PBX's 200 says the same as its 183; audio both ways."""


def scenario(t):
    t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.3), send(200, sdp=False, speak=False), recv("ACK"), recv("BYE"), send(200)])
    pbx = t.caller([invite(), recv(100, optional=True), recv(183), recv(200, rtp=False), ack(), pause(0.6)] + hangup())
    t.run()
    assert "m=audio" in pbx.first(183).body and pbx.first("200 INVITE").body in ("", pbx.first(183).body), pbx.first("200 INVITE").body


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
