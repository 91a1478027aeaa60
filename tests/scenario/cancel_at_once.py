# SPDX-License-Identifier: MIT
"""cancel_at_once (A5): the CANCEL follows the INVITE in the same breath, before any 100. 200 and 487 to the PBX; whatever reached the carrier
is taken back; nothing goes to the next one."""

MESSAGE = """{method} sip:+442071838750@{kedge} SIP/2.0\r
Via: SIP/2.0/UDP {us}:5060;branch=z9hG4bK-once\r
From: <sip:1001@{us}>;tag=once\r
To: <sip:+442071838750@{kedge}>\r
Call-ID: once@{us}\r
CSeq: 1 {method}\r
Max-Forwards: 70\r
Contact: <sip:1001@{us}:5060>\r
{type}Content-Length: {size}\r
\r
{body}"""
BODY = "v=0\r\no=- 1 1 IN IP4 {us}\r\ns=-\r\nc=IN IP4 {us}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": late, "CANCEL": undone})
    cb = t.carrier("cb", answer())
    t.start()
    pbx = t.tool("pbx")
    us, kedge = t.ip(1, 9), t.ip(3)
    body = BODY.format(us=us)
    for method, text in (("INVITE", body), ("CANCEL", "")):
        pbx.say(MESSAGE.format(method=method, us=us, kedge=kedge, type="Content-Type: application/sdp\r\n" if text else "", size=len(text), body=text),
                (kedge, 5060))
    assert t.until(lambda: pbx.received("487 INVITE") and pbx.received("200 CANCEL"), 1), pbx.messages()
    pbx.say(MESSAGE.format(method="ACK", us=us, kedge=kedge, type="", size=0, body="")
            .replace("To: <sip:+442071838750@%s>" % kedge, "To: " + pbx.first("487 INVITE")["To"]), (kedge, 5060))
    t.until(lambda: ca.received("ACK"), 2)
    assert ca.received("CANCEL") == ca.received("INVITE") == ca.received("ACK")
    assert cb.received("INVITE") == 0
    t.cdrs = 1


def late(ca, m):
    ca.invite = m
    ca.later(0.3, lambda: ca.reply(m, 180))


def undone(ca, m):
    ca.reply(m, 200)
    ca.reply(ca.invite, 487)
