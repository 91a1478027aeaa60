# SPDX-License-Identifier: MIT
"""late_offer_binds (A154): INVITEs without an offer from a PBX with 100rel. The first carrier answers kedge's own offer in a reliable 183 and fails then. What the PBX was offered in its 183
binds: where its PRACK had answered, the second carrier is offered that answer; where it had not yet, what the PBX was offered, and a re-INVITE tells it afterwards what the PBX took of it."""
import re

RELIABLE = ["Require: 100rel", "RSeq: 9", "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"]


def scenario(t):
    def say(raw, m, code, pts, headers=()):
        sdp = raw.sdp(pts)
        raw.say("SIP/2.0 %d Raw\r\n%sTo: %s%s\r\nCSeq: %s\r\nContact: <sip:%s:%d>\r\n%sContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
            code, "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id")), m["To"], "" if m.to_tag else ";tag=raw", m["CSeq"],
            raw.ip, raw.socket.getsockname()[1], "".join(h + "\r\n" for h in headers), len(sdp), sdp), m.source)

    def first(raw, m):
        raw.reply(m, 100)
        calls[m["Call-ID"]] = m
        say(raw, m, 183, "8 0", RELIABLE)
        if early(m):
            raw.later(0.1, lambda: raw.reply(m, 503))

    def acknowledged(raw, m):
        raw.reply(m, 200)
        if not early(calls[m["Call-ID"]]):
            raw.later(0.2, lambda: raw.reply(calls[m["Call-ID"]], 503))

    def second(raw, m):
        raw.reply(m, 100)
        pts = re.search(r"RTP/AVP ([^\r\n]*)", m.body).group(1).replace(" 101", "")
        raw.later(0.1, lambda: say(raw, m, 200, pts))
    early = lambda m: "+4412" in m.uri
    calls, seen = {}, set()
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": first, "PRACK": acknowledged}, advance_after="183", transcode=False)
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": second, "BYE": 200}, transcode=False)
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)

    def heard(raw, m):
        key = (m["Call-ID"], m.code, m.method)
        if m.method != "INVITE" or m.code < 180 or key in seen:
            return
        seen.add(key)
        if m["RSeq"]:
            raw.later(0.1 if m["Call-ID"] == "1" else 0.6, lambda: raw.say(raw.follow(m, "PRACK", 2, body=raw.sdp("0"), headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge))
        elif m.code == 200:
            raw.say(raw.follow(m, "ACK", 1), kedge)
            raw.later(0.6, lambda: raw.say(raw.follow(m, "BYE", 3), kedge))
    pbx.answers["response"] = heard
    for n in "12":
        pbx.say(pbx.begin("INVITE", "+441" + n, kedge, call_id=n, tag="t" + n, branch="b" + n, headers=["Supported: 100rel"]), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == 2, 10), [m.first for m in pbx.messages()]
    offers = lambda n: [re.search(r"RTP/AVP ([^\r\n]*)", m.body).group(1) for m in distinct(cb.got("INVITE")) if m.uri.startswith("sip:+441%d" % n) or inside(m, n)]
    inside = lambda m, n: m.to_tag and any(x["Call-ID"] == m["Call-ID"] and x.uri.startswith("sip:+441%d" % n) for x in cb.got("INVITE"))
    assert offers(1) == ["0"], offers(1)
    assert [o.replace(" 101", "") for o in offers(2)] == ["8 0", "0"], offers(2)
    for n in "12":
        mine = [m for m in pbx.messages() if m.way == "in" and m["Call-ID"] == n and m.method == "INVITE" and m.code > 100]
        assert len({m.to_tag for m in mine}) == 1
        bodies = [m.body for m in mine if m.body.strip()]
        assert bodies and len({re.search(r"(?s)v=0.*", b).group(0) for b in bodies}) == 1 and re.search(r"RTP/AVP 8 0\b", bodies[0]), bodies
        assert not [m for m in mine if m.code == 200 and m.body.strip()], "the 200 repeats what was PRACKed"
    t.cdrs = 2
    t.audio_strict = False


def distinct(messages):
    found = {}
    for m in messages:
        found.setdefault(m["Via"], m)
    return list(found.values())
