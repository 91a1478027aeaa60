# SPDX-License-Identifier: MIT
"""srtp_hold: the PBX holds and resumes a call that is encrypted on both sides; each re-INVITE and each answer has the keys that its side had, whatever lines were
offered first. Afterwards the PBX asks for an offer with an INVITE without SDP and gets one with the same key."""
import re


def scenario(t):
    t.trunk("pbx1", "pbx", 1, srtp="required")
    t.allow_audio = ("lost", "ts")  # what the carrier said into the hold is dropped
    hold = lambda d, v: [pause(0.3), invite(sdp={"direction": d, "version": v}), recv(100, optional=True), recv(200), ack()]  # noqa: E731
    back = lambda d, v: [recv("INVITE"), send(100), send(200, sdp={"direction": d, "version": v}, speak=False), recv("ACK", rtp=False)]  # noqa: E731
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), send(200), recv("ACK")] + back("recvonly", 2) + back("sendrecv", 3)
                   + [recv("BYE"), send(200)], secure=secure(tag=2, suite="AES_CM_128_HMAC_SHA1_32"), srtp="required")
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.3)] + hold("sendonly", 2) + hold("sendrecv", 3)
                   + [pause(0.3), invite(sdp=None), recv(100, optional=True), recv(200), ack(sdp={"version": 4}), pause(0.4)] + hangup(), secure=secure(tag=9))
    t.run()
    inside = {re.search(r"a=crypto:9 \S+ inline:(\S+)", m.body).group(1) for m in pbx.got("200 INVITE")}
    assert len(inside) == 1 and len(pbx.got("200 INVITE")) == 4, inside
    outside = [re.findall(r"a=crypto:(2 AES_CM_128_HMAC_SHA1_32 inline:\S+)", m.body) for m in ca.got("INVITE")]
    assert len(outside) == 3 and all(o == outside[0] for o in outside), outside
    assert [len(re.findall("a=crypto", m.body)) for m in ca.got("INVITE")] == [4, 1, 1], "only the line in use is offered again"


def after(t):
    t.heard("caller1", 15)
    t.heard("ca", 15)
