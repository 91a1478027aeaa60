# SPDX-License-Identifier: MIT
"""late_offer_two (A154): an INVITE without an offer, late_offer = "pass". The first carrier is silent; the second one's offer is with the caller, in a reliable 183 that is not acknowledged yet, when the first one
answers after all, with an offer of its own. The first one has the call. The caller is not offered anything else: its PRACK's answer is what the first one gets, in the ACK; the other is CANCELled."""
import re


def scenario(t):
    first = {}

    def second(raw, m):
        if raw.received("INVITE") > 1:
            return
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 7"])
    ca = t.silent("ca", {"INVITE": lambda raw, m: first.setdefault("invite", m), "BYE": 200}, late_offer="pass")
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": second, "PRACK": 200, "BYE": 200,
                         "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))}, late_offer="pass")
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    seen = []

    def offers():
        m = first["invite"]
        body = ca.sdp("8 0", 21400)
        keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id", "cseq"))
        ca.say("SIP/2.0 200 Late\r\n%sTo: %s;tag=raw\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
            keep, m["To"], ca.here, len(body), body), m.source)
        m = seen[0]  # from here: what is later by the clock alone may come first where the machine is busy
        pbx.later(0.4, lambda: pbx.say(pbx.follow(m, "PRACK", 2, body=pbx.sdp("0", 21500), headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge))

    def heard(raw, m):
        if m.code == 183 and not seen:
            seen.append(m)
            ca.later(0.2, offers)
        elif m.is_("200 INVITE"):
            raw.say(raw.follow(m, "ACK", 1), kedge)
            if len(raw.got("200 INVITE")) == 1:
                raw.later(0.2, lambda: raw.say(raw.follow(m, "BYE", 3), kedge))
    pbx.answers["response"] = heard
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, headers=["Supported: 100rel"]), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == 1 and ca.received("BYE") == 1, 10), pbx.messages()
    told = {m.body for m in pbx.messages() if m.way == "in" and m.body.strip()}
    assert len(told) == 1 and "RTP/AVP 0" in told.pop(), told
    answer = ca.first("ACK").body
    assert re.search(r"m=audio [1-9]\d* RTP/AVP 0\s", answer), "the first one has no answer: " + ca.first("ACK").text
    assert re.search(r"m=audio 0 ", cb.first("PRACK").body) and cb.received("CANCEL") >= 1, cb.messages()
    t.cdrs = 1
    t.audio_strict = False
