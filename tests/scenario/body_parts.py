# SPDX-License-Identifier: MIT
"""body_parts: the PBX's INVITE has SDP between a location and a part of bare bytes. Trunk ca (bodies = "strip", the default) gets the SDP alone and refuses; cb
(bodies = "pass") gets the three, the SDP rewritten, the others as they came. What says it is SDP but comes in another form, and parts in parts, reach nobody."""
import re

PIDF = "<presence entity=\"pres:room7@example.com\"><tuple id=\"a\"/></presence>"
BODY = """--outer
Content-Type: application/pidf+xml
Content-Disposition: by-reference;handling=optional

%s
--outer
Content-Type: application/sdp

v=0
o=alice 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0

--outer
Content-Type: application/sdp
Content-Transfer-Encoding: base64

dj0wDQo=
--outer
Content-Type: multipart/alternative;boundary=inner

--inner
Content-Type: application/sdp

v=0
--inner--
--outer
Content-Type: application/x-q931

signs and %% bytes
--outer--
""" % PIDF


def scenario(t):
    ca = t.carrier("ca", refuse(503))
    cb = t.carrier("cb", answer(), bodies="pass")
    t.caller([invite(sdp={"text": BODY, "type": "multipart/mixed;boundary=outer"})] + call(talk=0.6)[1:])
    t.run()
    alone, whole = ca.first("INVITE"), cb.first("INVITE")
    assert alone["Content-Type"] == "application/sdp" and alone.body.startswith("v=0") and "--" not in alone.body, alone.text
    boundary = re.fullmatch(r"multipart/mixed;boundary=(\w+)", whole["Content-Type"]).group(1)
    parts = whole.body.split("--" + boundary)
    assert len(parts) == 5 and parts[0] == "" and parts[4].strip() == "--", whole.body
    assert "outer" not in whole.body and "inner" not in whole.body and "dj0w" not in whole.body
    head, _, sdp = parts[1].strip().partition("\n\n")
    assert head == "Content-Type: application/sdp" and sdp.startswith("v=0\no=- ") and "c=IN IP4 %s" % t.ip(4) in sdp, sdp
    assert parts[2].strip() == "Content-Type: application/pidf+xml\nContent-Disposition: by-reference;handling=optional\n\n" + PIDF, parts[2]
    assert parts[3].strip().endswith("signs and % bytes"), parts[3]


def after(t):
    t.heard("caller1", 20)
    t.heard("cb", 20)
