# SPDX-License-Identifier: MIT
"""codecs_many: an offer of 30 payload types, most of them unknown here. The call is not refused for that; what the carrier is offered keeps the order, each
type with its map; audio both ways."""
import re

NAMES = ["X-%d" % i for i in range(28)]


def scenario(t):
    ca = t.carrier("ca", answer())
    maps = "".join("a=rtpmap:%d %s/%d\n" % (96 + i, n, 8000 + 8000 * (i % 3)) for i, n in enumerate(NAMES))
    text = ("v=0\no=peer 1000 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio [auto_media_port] RTP/AVP %s 0 8\n%sa=rtpmap:0 PCMU/8000\n"
            "a=rtpmap:8 PCMA/8000\na=ptime:20\n" % (" ".join(str(96 + i) for i in range(28)), maps))
    t.caller([invite(sdp={"text": text})] + call(talk=0.6)[1:])
    t.run()
    offer = ca.first("INVITE").body
    types = re.search(r"m=audio \d+ RTP/AVP (.*)", offer).group(1).split()
    assert types[-2:] == ["0", "8"] and types == sorted(types[:-2], key=int) + ["0", "8"], types
    for pt in types[:-2]:
        assert "a=rtpmap:%s X-%d/" % (pt, int(pt) - 96) in offer, offer


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
