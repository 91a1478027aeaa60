# SPDX-License-Identifier: MIT
"""contact_bad: an INVITE whose Contact cannot be asked (none, a tel: URI, "*", two of them) is refused with 400; no carrier hears of it. A re-INVITE with such
a Contact changes nothing about where the PBX is asked."""

BAD = ("", "Contact: <tel:+442071838750>\r\n", "Contact: <mailto:a@b.example>\r\n", "Contact: *\r\n", "Contact: <sip:a@127.0.0.1>, <sip:b@127.0.0.1>\r\n")


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200})
    t.start()
    pbx, kedge = t.tool(), (t.ip(3), 5060)
    for i, bad in enumerate(BAD):
        text = contact(pbx.begin("INVITE", "+442071838750", kedge, "bad-%d" % i, body=pbx.sdp()), bad)
        pbx.say(text, kedge)
        assert t.until(lambda: any(m.code and m.code >= 300 and m["Call-ID"] == "bad-%d" % i for m in pbx.messages()), 3), bad
        m = next(m for m in pbx.messages() if m.code and m.code >= 300 and m["Call-ID"] == "bad-%d" % i)
        assert m.code == 400, m.text
        pbx.say(ack_of(text, m), kedge)
    assert ca.received("INVITE") == 0
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, "good", body=pbx.sdp()), kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 3)
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    pbx.say(contact(pbx.follow(ok, "INVITE", 2, body=pbx.sdp()), BAD[1]), kedge)
    assert t.until(lambda: len(pbx.got("200 INVITE")) > 1, 3)
    pbx.say(pbx.follow(ok, "ACK", 2), kedge)
    pbx.answers["BYE"] = 200
    ca.say(ca.follow(ca.first("INVITE"), "BYE", 1), (t.ip(4), 5060))
    assert t.until(lambda: pbx.got("BYE"), 3), "the PBX was not asked where it is"
    t.audio_strict = False
    t.cdrs = 1


def contact(text, line):
    head, _, rest = text.partition("Contact: ")
    return head + line + rest.partition("\r\n")[2]


def ack_of(invite, answer):
    head = invite.split("\r\n\r\n")[0].replace("INVITE", "ACK")
    lines = [answer["To"] and "To: " + answer["To"] if h.startswith("To:") else h for h in head.split("\r\n") if not h.startswith("Content-")]
    return "\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n"
