# SPDX-License-Identifier: MIT
"""rtcp_elsewhere: the PBX says with a=rtcp where its RTCP goes, which is not the port behind its RTP (RFC 3605). The carrier's reports come there, and
nothing of that port is told to the carrier; the PBX's reports come to the carrier's own odd port."""
import re
import socket
import struct

from rtp import hears_rtcp, report


def udp(ip, port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((ip, port))
    s.settimeout(0.3)
    return s


def pair(ip):
    for port in range(25000, 25200, 2):
        try:
            return udp(ip, port), udp(ip, port + 1)
        except OSError:
            continue
    raise AssertionError("no two ports")


def sdp(ip, port, more=""):
    return {"text": "v=0\no=peer 1000 1 IN IP4 %s\ns=-\nc=IN IP4 %s\nt=0 0\nm=audio %d RTP/AVP 0\na=rtpmap:0 PCMU/8000\n%s" % (ip, ip, port, more)}


def speak(s, ssrc, to):
    for n in range(5):
        s.sendto(struct.pack(">BBHII", 0x80, 0, n, n * 160, ssrc) + b"\xff" * 160, to)


def scenario(t):
    t.audio_strict = False
    (rtp, odd), elsewhere, (far, far_rtcp) = pair(t.ip(1)), udp(t.ip(1)), pair(t.ip(2))
    place = elsewhere.getsockname()[1]
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(200, sdp=sdp(t.ip(2), far.getsockname()[1]), speak=False), recv("ACK"), recv("BYE"), send(200)])
    pbx = t.caller([invite(sdp=sdp(t.ip(1), rtp.getsockname()[1], "a=rtcp:%d IN IP4 %s" % (place, t.ip(1)))), recv(100, optional=True), recv(200, rtp=False),
                    ack(), pause(2.5), bye(rtp=False), recv(200)])
    assert t.until(lambda: ca.received("ACK"), 10)
    offer, answered = ca.first("INVITE").body, pbx.first("200 INVITE").body
    assert "a=rtcp" not in offer and str(place) not in offer, offer
    inside, outside = (int(re.search(r"m=audio (\d+)", body).group(1)) for body in (answered, offer))
    speak(rtp, 1111, (t.ip(3), inside))
    speak(far, 2222, (t.ip(4), outside))
    far_rtcp.sendto(report(2222), (t.ip(4), outside + 1))
    assert hears_rtcp(elsewhere), "the PBX's RTCP is not where it said"
    assert not hears_rtcp(odd), "it came behind its RTP too"
    elsewhere.sendto(report(1111), (t.ip(3), inside + 1))
    assert hears_rtcp(far_rtcp)
    t.run()
