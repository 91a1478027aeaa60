# SPDX-License-Identifier: MIT
"""codecs_by_trunk: a trunk's codecs are what is offered to it, in its order: PCMA before PCMU, no G.729, the events with them, the PBX's ptime kept though it stood
in its session part. The PBX's own trunk has a list too: of what the carrier answers it hears only that, whatever comes first there."""
import re

OFFER = """v=0
o=peer 1000 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
a=ptime:20
a=maxptime:60
m=audio [auto_media_port] RTP/AVP 0 18 8 3 101
a=rtpmap:0 PCMU/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:8 PCMA/8000
a=rtpmap:3 GSM/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""


def scenario(t):
    t.trunk("pbx1", "pbx", 1, codecs=["GSM", "PCMA", "PCMU", "G729"])
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), send(200, sdp={"pts": [8, 0, 101]}), recv("ACK"), recv("BYE"), send(200)], pt=8,
                   codecs=["PCMA", "GSM", "PCMU"])
    pbx = t.caller([invite(sdp={"text": OFFER})] + call(talk=0.6)[1:], pt=8)
    t.run()
    offer, answered = ca.first("INVITE").body, pbx.first("200 INVITE").body
    assert re.search(r"m=audio \d+ RTP/AVP 8 3 0 101\s", offer), offer
    assert "G729" not in offer and "a=fmtp:18" not in offer and "a=ptime:20" in offer and "a=maxptime:60" in offer, offer
    assert re.search(r"m=audio \d+ RTP/AVP 8 0 101\s", answered) and "a=ptime:20" in answered, answered


def after(t):
    t.heard("caller1", 10)
    t.heard("ca", 10)
