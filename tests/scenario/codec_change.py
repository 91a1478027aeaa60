# SPDX-License-Identifier: MIT
"""codec_change: the PBX offers PCMA in mid-call and the carrier takes it; an offer nobody has a codec for gets 488 and the call goes on as it was."""
import re


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [recv("INVITE"), send(200, sdp={"pts": [8], "version": 2}, speak=False), recv("ACK"), recv("INVITE"), send(488), recv("ACK"),
                                          recv("BYE"), send(200)], transcode=False)
    pbx = t.caller(call(talk=0.4)[:-2] + [invite(sdp={"pts": [8], "version": 2}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.3),
                                          invite(sdp={"pts": [18], "version": 3}), recv(100, optional=True), recv(488), ack(), pause(0.3)] + hangup())
    t.audio_strict = False  # the peers go on speaking PCMU: what is asked here is the signaling
    t.run()
    offers = {m["CSeq"]: re.search(r"RTP/AVP (.*)", m.body).group(1).strip() for m in ca.got("INVITE")}
    assert list(offers.values()) == ["0", "8", "18"], offers
    answers = [m for m in pbx.got("200 INVITE")]
    assert "RTP/AVP 8" in answers[-1].body and len({re.search(r"m=audio (\d+)", m.body).group(1) for m in answers}) == 1
    assert len({re.search(r"m=audio (\d+)", m.body).group(1) for m in ca.got("INVITE")}) == 1
    assert pbx.received("488 INVITE") == 1 and ca.received("BYE") == 1
