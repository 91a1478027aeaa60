# SPDX-License-Identifier: MIT
"""avpf: the PBX offers RTP/AVPF with feedback in both lines. Carrier ca knows RTP/AVP alone (avpf = false): it is offered that, without a word of feedback, and what it
answers is RTP/AVPF again for the PBX, in the answer and in the carrier's later re-INVITE (RFC 3264 6: the profile that was offered). cb has it all as it came."""
import re

from picture import Picture

SDP = """v=0
o=peer 1000 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] {profile} 0
a=rtpmap:0 PCMU/8000
{feedback}{video}"""


def sdp(version, end, profile, feedback="", direction="sendrecv"):
    return {"text": SDP.format(version=version, profile=profile, feedback=feedback,
                               video=end.line(feedback.replace(":0 ", ":97 "), profile=profile, direction=direction))}


def profiles(m):
    return re.findall(r"^m=\w+ [1-9]\d* (\S+)", m.body, re.M)


def scenario(t):
    here, there = Picture(t.ip(1), 1), Picture(t.ip(2), 2)
    plain, rich = ["RTP/AVP"] * 2, ["RTP/AVPF"] * 2
    taken = [recv("INVITE"), send(100)]
    ca = t.carrier("ca", taken + [send(200, sdp=sdp(1, there, "RTP/AVP")), recv("ACK"), pause(0.3), invite(sdp=sdp(2, there, "RTP/AVP", direction="sendonly")), recv(100, optional=True),
                                  recv(200, rtp=False), ack(), recv("BYE"), send(200)], avpf=False)
    cb = t.carrier("cb", taken + [send(200, sdp=sdp(1, there, "RTP/AVPF", "a=rtcp-fb:0 nack\n")), recv("ACK"), recv("BYE"), send(200)])
    t.profiles = {"a": {"targets": [{"trunk": "ca"}]}, "b": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": prefix, "profile": n} for n, prefix in (("a", "+441"), ("b", "+442"))]
    mine = [invite(sdp=sdp(1, here, "RTP/AVPF", "a=rtcp-fb:0 nack\na=rtcp-fb:* ccm tmmbr\n")), recv(100, optional=True), recv(200), ack()]
    again = [recv("INVITE"), send(200, sdp=sdp(2, here, "RTP/AVPF", direction="recvonly"), speak=False), recv("ACK"), pause(0.5)]
    one = t.caller(mine + again + hangup(), numbers=["+441111"])
    other = t.caller(mine + [pause(1)] + hangup(), numbers=["+442222"])
    t.run()
    assert profiles(ca.first("INVITE")) == plain and "rtcp-fb" not in ca.first("INVITE").body, ca.first("INVITE").body
    assert profiles(one.first("200 INVITE")) == rich and profiles(one.first("INVITE")) == rich and profiles(ca.first("200 INVITE")) == plain
    assert profiles(cb.first("INVITE")) == rich and profiles(other.first("200 INVITE")) == rich
    for body in (cb.first("INVITE").body, other.first("200 INVITE").body):
        assert "a=rtcp-fb:0 nack" in body and "a=rtcp-fb:97 nack" in body, body


def after(t):
    t.heard("caller1", 10)
    t.heard("caller2", 10)
