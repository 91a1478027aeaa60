# SPDX-License-Identifier: MIT
"""rtcp_mux: RTP and RTCP in one port is between kedge and each side. The PBX offers it; trunk ca (rtcp_mux = "offer") is asked for it by kedge itself and takes
it; cb is not asked and has a port for each. RTCP that the PBX sends in its one port comes to ca in its one, to cb in its second; theirs come back in the PBX's one."""
import re
import socket
import struct

from rtp import hears_rtcp, report

SDP = """v=0
o=peer 1000 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio {port} RTP/AVP 0
a=rtpmap:0 PCMU/8000
{mux}
"""


def pair(ip):
    """Two sockets, the second one port above."""
    for port in range(25000, 25200, 2):
        two = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            for i, s in enumerate(two):
                s.bind((ip, port + i))
                s.settimeout(0.3)
            return two
        except OSError:
            for s in two:
                s.close()
    raise AssertionError("no two ports")


def rtp(n, ssrc):
    return struct.pack(">BBHII", 0x80, 0, n, n * 160, ssrc) + b"\xff" * 160


def steps(ip, sockets, mux):
    sdp = {"text": SDP.replace("[local_ip]", ip).format(port=sockets[0].getsockname()[1], mux=mux)}
    return [recv("INVITE"), send(100), send(200, sdp=sdp, speak=False), recv("ACK"), recv("BYE"), send(200)], sdp


def exchange(t, carrier, there, number, mux):
    here = pair(t.ip(1))
    offered = steps(t.ip(1), here, "a=rtcp-mux")[1]
    pbx = t.caller([invite(sdp=offered), recv(100, optional=True), recv(200, rtp=False), ack(), pause(2.5), bye(rtp=False), recv(200)], numbers=[number])
    assert t.until(lambda: carrier.received("ACK"), 10)
    outward, inward = carrier.first("INVITE").body, pbx.first("200 INVITE").body
    assert ("a=rtcp-mux" in outward) == mux and "a=rtcp-mux" in inward, outward + inward
    inside, outside = (int(re.search(r"m=audio (\d+)", body).group(1)) for body in (inward, outward))
    for n in range(5):
        here[0].sendto(rtp(n, 1111), (t.ip(3), inside))
        there[0].sendto(rtp(n, 2222), (t.ip(4), outside))
    here[0].sendto(report(1111), (t.ip(3), inside))
    assert hears_rtcp(there[0]) == mux, "outward, in the port of RTP"
    assert hears_rtcp(there[1]) != mux, "outward, in the port of RTCP"
    there[0 if mux else 1].sendto(report(2222), (t.ip(4), outside + (0 if mux else 1)))
    assert hears_rtcp(here[0]) and not hears_rtcp(here[1]), "inward"


def scenario(t):
    t.audio_strict = False
    a, b = pair(t.ip(2, 1)), pair(t.ip(2, 2))
    ca = t.carrier("ca", steps(t.ip(2, 1), a, "a=rtcp-mux")[0], rtcp_mux="offer")
    cb = t.carrier("cb", steps(t.ip(2, 2), b, "a=ptime:20")[0])
    t.profiles = {"a": {"targets": [{"trunk": "ca"}]}, "b": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": prefix, "profile": n} for n, prefix in (("a", "+441"), ("b", "+442"))]
    exchange(t, ca, a, "+441111", True)
    exchange(t, cb, b, "+442222", False)
    t.run()
