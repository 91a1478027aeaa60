# SPDX-License-Identifier: MIT
"""update_early_silent (A154): the caller's early UPDATE is asked of a carrier that says nothing to it. The caller gets its 504 after half of timer F, while it is still there to hear it; the first answer
still holds. The carrier's 200 to the UPDATE comes later than that: it is told what holds after the ACK, and the call goes on."""


def scenario(t):
    t.top = {"sip": {"t1": "100ms"}}

    def first(raw, m):
        if m.to_tag:
            raw.reply(m, 200, sdp=True)
            return
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 1", "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"])

    def late(raw, m):
        if raw.received("UPDATE") > 1:
            return
        raw.pt = 8
        raw.later(3.8, lambda: (raw.reply(m, 200, sdp=True), setattr(raw, "pt", 0)))
        raw.later(4.2, lambda: raw.reply(raw.got("INVITE")[0], 200))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": first, "PRACK": 200, "UPDATE": late, "BYE": 200}, transcode=False)
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)

    def heard(raw, m):
        if m.code == 183 and len(raw.got(183)) == 1:
            raw.say(raw.follow(m, "PRACK", 2, headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge)
            raw.later(0.2, lambda: raw.say(raw.follow(m, "UPDATE", 3, body=raw.sdp("8")), kedge))
        elif m.is_("200 INVITE"):
            raw.say(raw.follow(m, "ACK", 1), kedge)
            if len(raw.got("200 INVITE")) == 1:
                raw.later(0.6, lambda: raw.say(raw.follow(m, "BYE", 4), kedge))
    pbx.answers["response"] = heard
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp("0 8"), headers=["Supported: 100rel", "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"]), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == 1, 12), pbx.messages()
    refused = pbx.first("504 UPDATE")
    assert 2.9 < t.gap(pbx.sent("UPDATE")[0], refused) < 3.75, t.gap(pbx.sent("UPDATE")[0], refused)  # timer F is 6.4 s here
    assert pbx.received("200 UPDATE") == 0 and len({m["CSeq"] for m in ca.got("UPDATE")}) == 1
    told = [m for m in ca.got("INVITE") if m.to_tag]
    assert told and " RTP/AVP 0" in told[0].body, "the carrier believes in what nobody took"
    t.cdrs = 1
    t.audio_strict = False
