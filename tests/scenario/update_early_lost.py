# SPDX-License-Identifier: MIT
"""update_early_lost (A154): the caller's UPDATE was asked of the first carrier, which fails its INVITE instead of answering. The UPDATE gets 500 with Retry-After at once, the first answer still
holds, and the second carrier has the call with it. 181 and 182 of that one pass."""
import re


def scenario(t):
    def first(raw, m):
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 1", "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"])

    def second(raw, m):
        for i, code in enumerate((100, 181, 182, 180)):
            raw.later(0.05 * i, lambda code=code: raw.reply(m, code))
        raw.later(0.3, lambda: raw.reply(m, 200, sdp=True))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": first, "PRACK": 200, "UPDATE": lambda raw, m: raw.reply(raw.got("INVITE")[0], 503)}, transcode=False)
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": second, "BYE": 200}, transcode=False)
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
                raw.later(0.2, lambda: raw.say(raw.follow(m, "BYE", 4), kedge))
    pbx.answers["response"] = heard
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp("0 8"), headers=["Supported: 100rel", "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"]), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == 1, 8), pbx.messages()
    update = pbx.first("500 UPDATE")
    said = [(m.code, m.method) for m in pbx.messages() if m.way == "in"]
    assert update["Retry-After"] and said.index((500, "UPDATE")) < said.index((180, "INVITE")), said
    assert pbx.received("200 UPDATE") == 0 and ca.received("UPDATE") == 1 and ca.received("ACK") == 1
    assert {181, 182, 180} <= {m.code for m in pbx.messages() if m.way == "in"}
    assert re.search(r"m=audio \d+ RTP/AVP 0\s", cb.first("INVITE").body) and cb.received("ACK") == 1
    assert len({m.to_tag for m in pbx.messages() if m.way == "in" and m.method == "INVITE" and m.code > 100}) == 1
    t.cdrs = 1
    t.audio_strict = False
