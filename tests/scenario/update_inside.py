# SPDX-License-Identifier: MIT
"""update_inside (RFC 3311): UPDATE in an answered call. Without SDP, or with the SDP that holds: answered at once on its own leg. With a new offer: passed on, as UPDATE to
the side that allows it, as INVITE to the one that does not, and to one that says it does and answers 405. While it waits for its answer a second offer gets 500, one from
the other side 491; 488 is passed back."""

HELD = "a=sendonly\r\n"


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "BYE": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True, headers=["Allow: INVITE, ACK, BYE, UPDATE"]), "UPDATE": takes})
    t.start()
    kedge, carrier_side = (t.ip(3), 5060), (t.ip(4), 5060)
    pbx = t.tool()
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, "up", body=pbx.sdp()), kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 3)
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    assert t.until(lambda: ca.got("ACK"), 3)

    assert t.final(pbx, pbx.follow(ok, "UPDATE", 2), kedge).code == 200
    same = t.final(pbx, pbx.follow(ok, "UPDATE", 3, body=pbx.sdp()), kedge)
    assert same.code == 200 and t.ip(3) in same.body and not ca.got("UPDATE") and "UPDATE" in same["Allow"], same.text

    held = t.final(pbx, pbx.follow(ok, "UPDATE", 4, body=pbx.sdp() + HELD), kedge)
    assert held.code == 200 and "a=recvonly" in held.body and t.ip(3) in held.body, held.text
    assert ca.received("UPDATE") == 1 and "a=sendonly" in ca.first("UPDATE").body and t.ip(4) in ca.first("UPDATE").body

    ca.answers["UPDATE"] = 488
    assert t.final(pbx, pbx.follow(ok, "UPDATE", 5, body=pbx.sdp("8")), kedge).code == 488

    # A carrier that changed its mind about UPDATE.
    ca.answers["UPDATE"], ca.answers["INVITE"] = 405, takes
    resumed = t.final(pbx, pbx.follow(ok, "UPDATE", 6, body=pbx.sdp()), kedge)
    assert resumed.code == 200 and ca.received("INVITE") == 2, resumed.text
    assert t.until(lambda: ca.received("ACK") == 2, 3)

    # The PBX never said that it knows UPDATE.
    pbx.answers["INVITE"] = None
    first = ca.first("INVITE")
    ca.say(ca.follow(first, "UPDATE", 1, body=ca.sdp() + HELD), carrier_side)
    assert t.until(lambda: pbx.got("INVITE"), 3)
    asked = pbx.first("INVITE")
    assert "a=sendonly" in asked.body and not pbx.got("UPDATE")
    again = t.final(ca, ca.follow(first, "UPDATE", 2, body=ca.sdp()), carrier_side)
    assert again.code == 500 and int(again["Retry-After"]) <= 10, again.text
    glare = t.final(pbx, pbx.follow(ok, "UPDATE", 7, body=pbx.sdp("8")), kedge)
    assert glare.code == 491, glare.text
    plain = t.final(pbx, pbx.follow(ok, "UPDATE", 8), kedge)
    assert plain.code == 200, plain.text
    pbx.reply(asked, 200, sdp=True)
    assert t.until(lambda: any(m.is_("200 UPDATE") for m in ca.got(200)) and pbx.got("ACK"), 3)
    assert "a=recvonly" in ca.first("200 UPDATE").body, ca.first("200 UPDATE").text

    assert t.final(pbx, pbx.follow(ok, "BYE", 9), kedge).code == 200
    assert t.until(lambda: ca.got("BYE"), 3)
    late = t.final(ca, ca.follow(first, "UPDATE", 3), carrier_side)
    assert late.code == 481, late.text
    t.cdrs = 1


def takes(ca, m):
    held = "a=sendonly" in m.body
    ca.pt = 0
    body = ca.sdp() + ("a=recvonly\r\n" if held else "")
    keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "to", "call-id", "cseq"))
    ca.say("SIP/2.0 200 OK\r\n%sContact: <sip:ca@%s:5060>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (keep, ca.ip, len(body), body), m.source)
