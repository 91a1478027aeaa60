# SPDX-License-Identifier: MIT
"""prack_late_offer (A154 A156): INVITEs without an offer, both sides with 100rel. The offer comes in a reliable 1xx, the answer in its PRACK (RFC 3262 5), and no later message repeats either. late_offer
"insert": the carrier had kedge's offer, its PRACK has no body. "pass": the carrier's PRACK brings the caller's answer; a second phone's offer is answered from it at once; where the caller leaves
before it answered, the PRACK refuses all lines, and CANCEL follows. A PRACK without the answer ends the call with 488."""
import re


def scenario(t):
    def rings(raw, m):
        if len([x for x in raw.got("INVITE") if x["Call-ID"] == m["Call-ID"]]) > 1:
            return
        invites[m["Call-ID"]] = m
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=reliable)

    def goes_on(raw, m):
        first = not [x for x in raw.sent("200 PRACK") if x["Call-ID"] == m["Call-ID"]]
        invite = invites[m["Call-ID"]]
        raw.reply(m, 200)
        if first and invite.uri.startswith("sip:+4413"):
            raw.later(0.05, lambda: raw.reply(invite, 183, tag="second", sdp=True, headers=reliable))
        elif not invite.uri.startswith(("sip:+4414", "sip:+4415")):
            raw.later(0.05, lambda: raw.reply(invite, 200))
    invites, reliable = {}, ["Require: 100rel", "RSeq: 20"]
    doing = {"OPTIONS": 200, "INVITE": rings, "PRACK": goes_on, "BYE": 200, "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))}
    ca = t.silent("ca", doing)
    cb = t.silent("cb", doing, late_offer="pass")
    t.profiles = {n: {"targets": [{"trunk": n}]} for n in ("ca", "cb")}
    t.routes = [{"name": "r%d" % n, "from": "pbx1", "prefix": "+441%d" % n, "profile": "ca" if n == 1 else "cb"} for n in range(1, 6)]
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    seen = set()

    def heard(raw, m):
        who = int(m["Call-ID"])
        if m["RSeq"] and (who, m["RSeq"]) not in seen:
            seen.add((who, m["RSeq"]))
            if who == 4:
                raw.say(raw.begin("CANCEL", "+4414", kedge, call_id="4", tag="t4", branch="b4"), kedge)
            else:
                raw.later(0.1, lambda: raw.say(raw.follow(m, "PRACK", 2, body="" if who == 5 else raw.sdp("0"), headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge))
        elif m.method == "INVITE" and m.code >= 200:
            raw.say(raw.follow(m, "ACK", 1) if m.code == 200 else re.sub(r"\r\nTo: [^\r]*", lambda _: "\r\nTo: " + m["To"], raw.begin("ACK", "+441%d" % who, kedge, str(who), "t%d" % who, branch="b%d" % who)), kedge)
            if m.code == 200 and (who, 200) not in seen:
                seen.add((who, 200))
                raw.later(0.1, lambda: raw.say(raw.follow(m, "BYE", 3), kedge))
    pbx.answers["response"] = heard
    for n in range(1, 6):
        pbx.say(pbx.begin("INVITE", "+441%d" % n, kedge, call_id=str(n), tag="t%d" % n, branch="b%d" % n, headers=["Supported: 100rel"]), kedge)
    final = lambda n: [m for m in pbx.messages() if m.way == "in" and m["Call-ID"] == str(n) and m.method == "INVITE" and m.code >= 200]
    assert t.until(lambda: pbx.received("200 BYE") == 3 and final(4) and final(5), 8), pbx.messages()
    assert [final(n)[0].code for n in range(1, 6)] == [200, 200, 200, 487, 488]
    assert not any(m.body.strip() for n in range(1, 6) for m in final(n))
    given = [m for m in pbx.got(183) if m.body.strip()]
    assert {m["Call-ID"] for m in given} == set("12345") and all(m["RSeq"] for m in given)
    assert "m=audio" in ca.first("INVITE").body and not ca.first("PRACK").body.strip()
    invite = {m.uri[5:9]: m["Call-ID"] for m in cb.got("INVITE")}
    pracks = lambda n: [m for m in cb.got("PRACK") if m["Call-ID"] == invite["441%d" % n]]
    assert t.until(lambda: pracks(4) and pracks(5) and len(cb.got("CANCEL")) >= 2, 3)
    assert not any(m.body.strip() for m in cb.got("INVITE"))
    for n, ends in ((2, 1), (3, 2)):
        assert len({m.to_tag for m in pracks(n)}) == ends and all(re.search(r"m=audio [1-9]\d+ RTP/AVP 0", m.body) for m in pracks(n)), pracks(n)
    for n in (4, 5):
        assert re.search(r"m=audio 0 RTP/AVP 0", pracks(n)[0].body), pracks(n)[0].text
        mine = [m.method for m in cb.messages() if m.way == "in" and m.request and m["Call-ID"] == invite["441%d" % n]]
        assert mine.index("PRACK") < mine.index("CANCEL"), mine
    t.cdrs = 5
    t.audio_strict = False
