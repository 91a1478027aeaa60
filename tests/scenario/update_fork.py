# SPDX-License-Identifier: MIT
"""update_fork: of two phones behind a carrier the first is asked, in its early dialog, what the caller's UPDATE offers, and the second answers the call meanwhile. The UPDATE is
answered from what holds now, and what the first one says to it later changes nothing: the call is the second one's."""


def scenario(t):
    def reliable(raw, m, tag):
        raw.reply(m, 183, tag=tag, sdp=True, headers=["Require: 100rel", "RSeq: 1", "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"])

    def rings(raw, m):
        raw.reply(m, 100)
        reliable(raw, m, "one")

    def asked(raw, m):
        raw.reply(ca.first("INVITE"), 200, tag="two", sdp=True)
        raw.later(1.0, lambda: raw.reply(m, 488))

    def heard(raw, m):
        if m.code == 183 and not raw.sent("PRACK"):
            raw.say(raw.follow(m, "PRACK", 3, headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge)
            raw.later(0.2, lambda: raw.say(raw.follow(m, "UPDATE", 4, body=raw.sdp("8")), kedge))
        elif m.is_("200 INVITE"):
            raw.say(raw.follow(m, "ACK", 1), kedge)
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "PRACK": 200, "UPDATE": asked, "BYE": 200}, transcode=False)
    t.start()
    pbx, kedge = t.tool(), (t.ip(3), 5060)
    pbx.answers["response"] = heard
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp("0 8"), headers=["Supported: 100rel"]), kedge)
    final = lambda: [m for m in pbx.messages() if m.way == "in" and m.code and m.code >= 200 and m["CSeq"] == "4 UPDATE"]  # noqa: E731
    assert t.until(lambda: final() and pbx.got("200 INVITE"), 5), pbx.messages()
    assert final()[0].code in (488, 500) and final()[0].when - ca.sent("200 INVITE")[0].when < 0.8, final()[0].text
    assert ca.first("UPDATE").to_tag == "one"
    assert t.until(lambda: ca.sent("488 UPDATE"), 3)
    pbx.say(pbx.follow(pbx.first("200 INVITE"), "BYE", 5), kedge)
    assert t.until(lambda: ca.got("BYE"), 3) and ca.first("BYE").to_tag == "two"
    t.cdrs = 1
    t.audio_strict = False
