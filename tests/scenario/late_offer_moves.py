# SPDX-License-Identifier: MIT
"""late_offer_moves (A154): an INVITE without a body; the first carrier rings and fails with 503, the second has a list of codecs of its own and answers. The PBX
is offered once, in its 200: the codecs of the carrier that has the call."""
import re


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.1), send(503), recv("ACK")])
    cb = t.carrier("cb", [recv("INVITE"), send(100), send(180), pause(0.1), send(200, sdp={"pts": [9, 0]}, speak=False), recv("ACK"), recv("BYE"), send(200)],
                   codecs=["G722", "PCMU"])
    pbx = t.caller([invite(sdp=False), recv(100, optional=True), recv(183, rtp=False, optional=True), recv(180, optional=True), recv(200, rtp=False),
                    ack(sdp={"pts": [9, 0]}), pause(0.3)] + hangup())
    t.audio_strict = False
    t.run()
    assert re.search(r"RTP/AVP 8 0 101\b", ca.first("INVITE").body)
    assert re.search(r"RTP/AVP 9 0 101\b", cb.first("INVITE").body), cb.first("INVITE").body
    assert re.search(r"RTP/AVP 9 0\s", pbx.first("200 INVITE").body), pbx.first("200 INVITE").body
    assert all(not m.body.strip() for m in pbx.got("183 INVITE") + pbx.got("180 INVITE"))
    assert len({m["CSeq"] for m in cb.got("INVITE")}) == 1
