# SPDX-License-Identifier: MIT
"""update_tcp: UPDATE with a new offer, passed on to a carrier by TCP: its answer and its refusal reach the PBX whole. (Over TCP a transaction is over with its answer: a
sanitizer sees what is read of it too late.)"""


def scenario(t):
    ca = t.stream("ca", {"OPTIONS": 200, "BYE": 200, "UPDATE": takes,
                         "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True, headers=["Allow: INVITE, ACK, BYE, UPDATE"])})
    t.start()
    kedge, pbx = (t.ip(3), 5060), t.tool()
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, "up", body=pbx.sdp()), kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 3)
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    assert t.until(lambda: ca.got("ACK"), 3)

    held = t.final(pbx, pbx.follow(ok, "UPDATE", 2, body=pbx.sdp() + "a=sendonly\r\n"), kedge)
    assert held.code == 200 and "a=recvonly" in held.body and t.ip(3) in held.body, held.text
    ca.answers["UPDATE"] = lambda raw, m: raw.reply(m, 606, headers=["Retry-After: 5"])
    assert t.final(pbx, pbx.follow(ok, "UPDATE", 3, body=pbx.sdp("8")), kedge).code in (500, 606)
    ca.answers["UPDATE"] = 405
    ca.answers["INVITE"] = 488
    assert t.final(pbx, pbx.follow(ok, "UPDATE", 4, body=pbx.sdp("8")), kedge).code == 488
    assert ca.received("UPDATE") == 3 and ca.received("INVITE") == 2
    assert t.final(pbx, pbx.follow(ok, "BYE", 5), kedge).code == 200
    assert t.until(lambda: ca.got("BYE"), 3)
    t.cdrs = 1


def takes(ca, m):
    body = ca.sdp() + "a=recvonly\r\n"
    keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "to", "call-id", "cseq"))
    ca.say("SIP/2.0 200 OK\r\n%sContact: <sip:ca@%s:5060;transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (keep, ca.ip, len(body), body), m.source)
