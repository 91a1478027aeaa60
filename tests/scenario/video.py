# SPDX-License-Identifier: MIT
"""video: a call with a picture. The PBX offers audio and video; carrier a sends early video behind its 183, then answers 503; carrier b takes the call with both lines.
Each side sees kedge's address in both lines and its types as the other wrote them, without what needs an SSRC of its own; the PBX's video goes to one port all along. Of
2 Mbit/s both ways, seven packets of 1,200 bytes a frame, each arrives once, in order, on one line over the change of carriers; reports and a request for a new
picture arrive with the SSRC of who sends it. The CDR and `kedge calls` have it, and the end of the call gives back both sessions and all ports."""
import json
import re
import struct

from picture import Picture

SDP = """v=0
o=peer 1000 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
{video}"""
MORE = "a=rtcp-fb:97 ccm fir\na=rtcp-fb:* nack pli\na=imageattr:97 recv *\na=content:main\n"
OFFERED = "a=rtpmap:98 rtx/90000\na=fmtp:98 apt=97\na=candidate:1 1 UDP 1 127.0.0.9 9 typ host\n"


def sdp(p, version=1, more=""):
    return {"text": SDP.format(version=version, video=p.line(more))}


def video_of(body):
    return int(re.search(r"m=video (\d+) RTP/AVP 97\s", body).group(1))


def scenario(t):
    pbx_end, a_end, b_end = Picture(t.ip(1), 1), Picture(t.ip(2, 1), 2), Picture(t.ip(2, 2), 3)
    a_end.ssrc = b_end.ssrc = 0x77  # carriers may agree by chance
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(183, sdp=sdp(a_end)), pause(1.5), quiet(), send(503), recv("ACK")])
    cb = t.carrier("cb", [recv("INVITE"), send(100), send(180), pause(0.2), send(200, sdp=sdp(b_end)), recv("ACK"), recv("BYE"), send(200)])
    offer = sdp(pbx_end, more=MORE + OFFERED)
    offer["text"] = offer["text"].replace("AVP 97", "AVP 97 98")
    pbx = t.caller([invite(sdp=offer), recv(100, optional=True), recv(183), recv(180, optional=True), recv(200), ack(), pause(5)] + hangup())
    assert t.until(lambda: pbx.received(183), 10)
    inside = video_of(pbx.first(183).body)
    a_end.start((t.ip(4), video_of(ca.first("INVITE").body)))
    pbx_end.start((t.ip(3), inside))
    assert t.until(lambda: len(pbx_end.heard) > 100 and len(a_end.heard) > 100, 5), (len(pbx_end.heard), len(a_end.heard))
    a_end.pause()
    assert t.until(lambda: pbx.received("200 INVITE"), 10)
    assert t.until(lambda: cb.received("ACK"), 5)
    b_end.start((t.ip(4), video_of(cb.first("INVITE").body)))
    assert t.until(lambda: len(b_end.heard) > 400 and len(pbx_end.of(3)) > 400, 10)
    pbx_end.feedback((t.ip(3), inside + 1), pbx_end.heard[-1][2])
    assert t.until(lambda: b_end.reports, 3)
    report = b_end.reports[-1]
    assert struct.unpack(">I", report[-4:])[0] == b_end.ssrc and struct.unpack(">I", report[-8:-4])[0] == b_end.heard[-1][2], report
    shown = json.loads(t.ask("/v1/calls"))["calls"][0]
    assert shown["video"]["codec"] == "H264" and shown["video"]["packets_out"] > 400 and t.media("sessions") == 2, shown
    text = t.verb("calls", shown["call"])
    figures = re.search(r"^video H264  from caller (\d+) packets, 0 lost; from callee (\d+) packets, 0 lost$", text, re.M)
    assert figures and int(figures[2]) >= shown["video"]["packets_out"], text
    pbx_end.pause()
    b_end.pause()
    t.run()
    assert video_of(pbx.first("200 INVITE").body) == inside and pbx.first(183).body == pbx.first("200 INVITE").body
    for body in (ca.first("INVITE").body, cb.first("INVITE").body):
        for line in MORE.splitlines() + ["a=fmtp:97 profile-level-id=42e01f;packetization-mode=1", "a=rtpmap:97 H264/90000"]:
            assert line in body, (line, body)
        assert "rtx" not in body and "apt" not in body and "candidate" not in body and "rtcp:" not in body, body
    a_end.check(1, 100)
    b_end.check(1, 400, last=pbx_end.sent)
    pbx_end.check(2, 100, last=a_end.sent)
    pbx_end.check(3, 400, last=b_end.sent)
    for end in (pbx_end, a_end, b_end):
        end.one_line()
    assert t.until(lambda: t.media("sessions") == 0 and t.media("ports_lent") == 0, 5)
    assert t.until(t.cdr, 3)
    video = t.cdr()[0]["media"]["video"]
    assert video["codec"] == "H264" and video["in"]["packets"] == pbx_end.sent and video["out"]["packets"] >= a_end.sent + b_end.sent - 14, (video, pbx_end.sent)


def after(t):
    t.heard("caller1", 50)
    t.heard("cb", 50)
