# SPDX-License-Identifier: MIT
"""prack_two (A154): an INVITE without an offer toward a trunk with late_offer = "pass". The carrier's offer is in a reliable 183, and before that is acknowledged it says a reliable 180 as well. Each gets its
PRACK once the caller has answered: the 183's with that answer, then the 180's, bare."""


def scenario(t):
    def rings(raw, m):
        if len(raw.got("INVITE")) > 1:
            return
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 20"])
        raw.later(0.05, lambda: raw.reply(m, 180, headers=["Require: 100rel", "RSeq: 21"]))
        raw.later(0.8, lambda: raw.reply(m, 200))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "PRACK": 200, "BYE": 200}, late_offer="pass")
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    seen = set()

    def heard(raw, m):
        if m["RSeq"] and m["RSeq"] not in seen:
            seen.add(m["RSeq"])
            body = raw.sdp("0") if m.body.strip() else ""
            raw.later(0.3, lambda: raw.say(raw.follow(m, "PRACK", 1 + len(seen), body=body, headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge))
        elif m.is_("200 INVITE"):
            raw.say(raw.follow(m, "ACK", 1), kedge)
            if len(raw.got("200 INVITE")) == 1:
                raw.later(0.1, lambda: raw.say(raw.follow(m, "BYE", 9), kedge))
    pbx.answers["response"] = heard
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, headers=["Supported: 100rel"]), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == 1, 8), pbx.messages()
    pracks = {m["RAck"].split()[0]: m for m in ca.got("PRACK")}
    assert set(pracks) == {"20", "21"}, pracks
    assert "m=audio" in pracks["20"].body and not pracks["21"].body.strip()
    assert pracks["20"].when <= pracks["21"].when
    assert {180, 183} <= {m.code for m in pbx.messages() if m.way == "in"}
    t.cdrs = 1
    t.audio_strict = False
