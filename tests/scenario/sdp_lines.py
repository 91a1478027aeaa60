# SPDX-License-Identifier: MIT
"""sdp_lines: the PBX offers video, audio, T.38 and everything that names its inside. The carrier (video = false) sees three lines in order, audio alone with a port, and
answers the audio line only, as some do; the PBX's answer has its three lines again."""
import re

OFFER = """v=0
o=alice 1 1 IN IP4 [local_ip]
s=call of alice at [local_ip]
i=secret
c=IN IP4 [local_ip]
b=AS:384
t=0 0
a=ice-ufrag:secret
m=video 30000 RTP/AVP 31
a=rtpmap:31 H261/90000
m=audio [auto_media_port] RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=candidate:1 1 UDP 2130706431 [local_ip] 8998 typ host
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret
a=rtcp:30001 IN IP4 [local_ip]
a=X-nat:[local_ip]
a=ptime:20
m=image 30002 udptl t38
a=T38FaxVersion:0
"""


def scenario(t):
    ca = t.carrier("ca", answer(), video=False)
    pbx = t.caller([invite(sdp={"text": OFFER})] + call()[1:])
    t.run()
    offer = ca.first("INVITE").body
    lines = [m.split(" ")[1] == "0" for m in re.findall(r"m=.*", offer)]
    assert re.findall(r"m=(\w+)", offer) == ["video", "audio", "image"] and lines == [True, False, True], offer
    for secret in ("secret", "alice", "ice-", "candidate", "crypto", "X-nat", "a=rtcp", "T38FaxVersion", "H261"):
        assert secret not in offer, offer
    assert "b=AS:384" in offer and "a=fmtp:101 0-15" in offer and "a=ptime:20" in offer
    answer_body = pbx.first("200 INVITE").body
    assert re.findall(r"m=(\w+)", answer_body) == ["video", "audio", "image"], answer_body
    assert [m.split(" ")[1] == "0" for m in re.findall(r"m=.*", answer_body)] == [True, False, True], answer_body


def after(t):
    t.heard("caller1", 40)
    t.heard("ca", 40)
