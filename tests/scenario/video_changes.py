# SPDX-License-Identifier: MIT
"""video_changes: a call of audio alone. The PBX adds a picture by re-INVITE, and 2 Mbit/s go both ways, every packet once; it holds the picture, and not one packet of it
passes while the audio goes on; it goes on, and the carrier takes the line away (port 0): its session and its ports are given back, the audio never noticed."""
import re

from picture import Picture

SDP = """v=0
o=peer 1000 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
{video}"""


def sdp(version, video):
    return {"text": SDP.format(version=version, video=video)}


def video_of(m):
    return int(re.search(r"m=video (\d+) RTP/AVP 97\s", m.body).group(1))


def exchange(one, other):
    """Both send, and what they sent is all there."""
    heard = len(one.heard), len(other.heard)
    assert T.until(lambda: len(one.heard) > heard[0] + 100 and len(other.heard) > heard[1] + 100, 5), (heard, len(one.heard), len(other.heard))
    one.pause()
    other.pause()
    assert T.until(lambda: one.heard[-1][6] == other.sent - 1 and other.heard[-1][6] == one.sent - 1, 2)


def scenario(t):
    global T
    T = t
    here, there = Picture(t.ip(1), 1), Picture(t.ip(2), 2)
    gone = "m=video 0 RTP/AVP 97\n"
    took = lambda version, video: [recv("INVITE"), send(200, sdp=sdp(version, video), speak=False), recv("ACK")]
    asks = lambda version, video: [invite(sdp=sdp(version, video)), recv(100, optional=True), recv(200, rtp=False), ack()]
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), send(200, sdp=sdp(1, "")), recv("ACK")] + took(2, there.line()) + took(3, there.line(direction="inactive")) +
                   took(4, there.line()) + [pause(3)] + asks(5, gone) + [recv("BYE"), send(200)])
    pbx = t.caller([invite(sdp=sdp(1, "")), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.3)] + asks(2, here.line()) + [pause(2)] +
                   asks(3, here.line(direction="inactive")) + [pause(1.5)] + asks(4, here.line()) + took(5, gone) + [pause(0.5)] + hangup())
    assert t.until(lambda: ca.received("ACK") == 2, 10)
    assert t.media("sessions") == 2
    inward, outward = video_of(ca.got("INVITE")[1]), video_of(pbx.got("200 INVITE")[-1])
    here.start((t.ip(3), outward))
    there.start((t.ip(4), inward))
    exchange(here, there)
    assert t.until(lambda: ca.received("ACK") == 3, 10)
    assert "a=inactive" in ca.got("INVITE")[2].body and video_of(ca.got("INVITE")[2]) == inward
    before, sent = (len(here.heard), len(there.heard)), here.sent
    here.start((t.ip(3), outward))
    there.start((t.ip(4), inward))
    assert t.until(lambda: here.sent > sent + 30, 2)
    here.pause()
    there.pause()
    assert (len(here.heard), len(there.heard)) == before and t.media("drop_held") >= 30
    assert t.until(lambda: ca.received("ACK") == 4, 10)
    assert video_of(ca.got("INVITE")[3]) == inward and video_of(pbx.got("200 INVITE")[-1]) == outward
    here.start((t.ip(3), outward))
    there.start((t.ip(4), inward))
    exchange(here, there)
    assert t.until(lambda: pbx.received("INVITE") == 1 and ca.received("200 INVITE") == 1, 10)
    assert t.until(lambda: t.media("sessions") == 1 and t.media("ports_lent") == 2, 3)
    assert video_of(pbx.first("INVITE")) == 0 and video_of(ca.first("200 INVITE")) == 0
    t.run()
    for one, other in ((here, there), (there, here)):
        assert all(h[7] for h in one.heard) and len({h[6] for h in one.heard}) == len(one.heard)
        one.one_line()
    assert t.until(t.cdr, 3)
    assert t.cdr()[0]["media"]["video"]["codec"] == "H264"


def after(t):
    t.heard("caller1", 200)
    t.heard("ca", 200)
