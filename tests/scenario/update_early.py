# SPDX-License-Identifier: MIT
"""update_early (A154): UPDATE before the answer, both ways (RFC 3311). A new address is kedge's affair: answered at once, the other side hears nothing. Another codec is asked of the other side where
it takes UPDATE, else answered from what holds, or refused with 488. Before the first answer is acknowledged the caller gets 500 with Retry-After, a carrier 491. An offer in a PRACK is answered in its 200."""
import re

CASES = range(1, 10)


def scenario(t):
    invites, done = {}, {}
    allow = "Allow: INVITE, ACK, BYE, CANCEL, PRACK"
    case = lambda m: int(re.search(r"\+442(\d)@", m.uri).group(1))

    def progress(m, headers=()):
        ca.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 1", allow + ("" if case(m) in (3, 9) else ", UPDATE")])

    def rings(raw, m):
        n = case(m)
        if n in invites:
            return
        invites[n] = m
        raw.reply(m, 100)
        if n in (6, 7):
            raw.reply(m, 180)
        if n == 6:
            raw.later(0.5, lambda: progress(m))
        elif n == 7:
            raw.say(raw.follow(m, "UPDATE", 1, body=raw.sdp("0", 21010)), m.source)
        else:
            progress(m)

    def pracked(raw, m):
        raw.reply(m, 200)
        n = next(n for n, i in invites.items() if i["Call-ID"] == m["Call-ID"])
        if n in (4, 5):
            raw.later(0.2, lambda: raw.say(raw.follow(invites[n], "UPDATE", 1, body=raw.sdp("0" if n == 4 else "8", 21010)), m.source))

    def updated(raw, m):
        raw.pt = 8
        raw.reply(m, 200, sdp=True)
        raw.pt = 0

    def carrier_heard(raw, m):
        if m.method == "UPDATE" and m.code >= 200:
            n = next(n for n, i in invites.items() if i["Call-ID"] == m["Call-ID"])
            done[n] = m
            if n == 7:
                progress(invites[n])
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "PRACK": pracked, "UPDATE": updated, "response": carrier_heard, "BYE": 200}, transcode=False)
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    seen = set()

    def heard(raw, m):
        n = int(m["Call-ID"])
        if m.code == 180 and n == 6:
            raw.say(raw.follow(m, "UPDATE", 2, body=raw.sdp("0 8", 21010)), kedge)
        elif m.code == 183 and (n, 183) not in seen:
            seen.add((n, 183))
            offer = raw.sdp("0 8", 21010) if n == 8 else ""
            raw.say(raw.follow(m, "PRACK", 3, body=offer, headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge)
            change = {1: ("0 8", 21010), 2: ("8", 21000), 3: ("8", 21000), 9: ("8 0", 21000)}.get(n)
            if change:
                raw.later(0.2, lambda: raw.say(raw.follow(m, "UPDATE", 4, body=raw.sdp(*change)), kedge))
        elif m.method == "UPDATE" or (m.method == "PRACK" and n == 8):
            done[n] = m
        elif m.is_("200 INVITE"):
            raw.say(raw.follow(m, "ACK", 1), kedge)
            raw.later(0.2, lambda: raw.say(raw.follow(m, "BYE", 5), kedge))
    pbx.answers["response"] = heard
    pbx.answers["UPDATE"] = updated
    for n in CASES:
        pbx.say(pbx.begin("INVITE", "+442%d" % n, kedge, call_id=str(n), tag="t%d" % n, branch="b%d" % n, body=pbx.sdp("0 8"),
                          headers=["Supported: 100rel", "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"]), kedge)
    assert t.until(lambda: len(done) == len(CASES) and len([x for x in seen if x[1] == 183]) == len(CASES), 8), (sorted(done), seen)
    assert t.until(lambda: len(ca.got("PRACK")) >= len(CASES), 3)
    for m in invites.values():
        ca.reply(m, 200)
    assert t.until(lambda: pbx.received("200 BYE") == len(CASES), 8), pbx.received("200 BYE")
    assert [done[n].code for n in CASES] == [200, 200, 488, 200, 200, 500, 491, 200, 200], done
    assert done[6]["Retry-After"] and not any(m.body.strip() for m in pbx.got("200 INVITE"))
    types = {n: re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", done[n].body).group(1).split() for n in (1, 2, 4, 5, 8, 9)}
    assert types[1] == types[4] == types[8] == types[9] == ["0"] and types[2] == types[5] == ["8"], types
    asked = {m["Call-ID"] for m in ca.got("UPDATE")}
    assert asked == {invites[2]["Call-ID"]} and {m["Call-ID"] for m in pbx.got("UPDATE")} == {"5"}, (ca.got("UPDATE"), pbx.got("UPDATE"))
    t.cdrs = len(CASES)
    t.audio_strict = False
