# SPDX-License-Identifier: MIT
"""late_offer: an INVITE without a body. The carrier gets an offer of kedge's own (G.711 and telephone-event), none of its 183's SDP goes to the PBX (it is
no offer in an unreliable answer), its 200 is ACKed without a body; the PBX is offered in its 200 what the carrier answered, and answers in the ACK."""
import re


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.1), send(200), recv("ACK"), recv("BYE"), send(200)])
    pbx = t.caller([invite(sdp=False), recv(100, optional=True), recv(183, rtp=False), recv(200, rtp=True), ack(sdp=True), pause(0.6)] + hangup())
    t.run()
    made, offered = ca.first("INVITE").body, pbx.first("200 INVITE").body
    assert re.search(r"m=audio \d+ RTP/AVP 8 0 101\b", made) and "a=rtpmap:101 telephone-event/8000" in made, made
    assert re.search(r"o=- \d+ 1 IN IP[46] %s" % re.escape(t.ip(4)), made), made
    assert re.search(r"o=- \d+ 1 IN IP[46] %s" % re.escape(t.ip(3)), offered) and re.search(r"m=audio \d+ RTP/AVP 0\b", offered), offered
    assert not pbx.first("183 INVITE").body.strip() and not ca.first("ACK").body.strip()
    assert len({m["CSeq"] for m in ca.got("INVITE")}) == 1, "the carrier was asked again"


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
