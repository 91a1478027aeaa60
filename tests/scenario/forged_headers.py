# SPDX-License-Identifier: MIT
"""forged_headers: names and users made to break out of their place. The carrier sees one INVITE whose every header kedge wrote."""

NAMES = ['"Bob\\" <sip:evil@evil.example>, \\"x" ', "Bob%0d%0aX-Evil 1 ", '"a;tag=evil" ', '"' + "x" * 300 + '" ', '"caf\xe9" ']
USERS = ["1001", "a%0d%0aX-Evil:%201", "evil%40evil.example%3e", "a,b;c=d", "1001"]


def scenario(t):
    ca = t.carrier("ca", answer())
    t.start()
    tool = t.tool()
    for i, (name, user) in enumerate(zip(NAMES, USERS)):
        number = "+44207183875%d" % i
        body = "v=0\r\no=e 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 23000 RTP/AVP 0\r\n" % (tool.ip, tool.ip)
        head = ("INVITE sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKforged%d\r\nFrom: %s<sip:%s@%s>;tag=f%d\r\n"
                "To: <sip:%s@%s>\r\nCall-ID: forged%d@%s\r\nCSeq: 1 INVITE\r\nContact: <sip:e@%s:5060>\r\nMax-Forwards: 70\r\n"
                "Subject: a\r\n b\r\nX-Evil: 1\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n")
        ip, to = tool.ip, t.ip(3)
        text = head % (number, to, ip, i, name, user, ip, i, number, to, i, ip, ip, len(body)) + body
        tool.say(text.encode("latin1"), (to, 5060))
        assert t.until(lambda: any(m.code == 200 and m["Call-ID"].startswith("forged%d@" % i) for m in tool.messages()), 5), i
        ok = next(m for m in tool.messages() if m.code == 200 and m["Call-ID"].startswith("forged%d@" % i))
        for cseq, method in ((1, "ACK"), (2, "BYE")):
            tool.say("%s sip:x@%s:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%s%d\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"
                     "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (method, to, ip, method, i, ok["From"], ok["To"], ok["Call-ID"], cseq, method), (to, 5060))
    t.cdrs = len(NAMES)
    t.run()
    seen = ca.got("INVITE")
    assert ca.received("INVITE") == len(NAMES)
    for m in seen:
        names = [n.lower() for n, _ in m.headers]
        assert "x-evil" not in names, m.text
        assert all(names.count(n) == 1 for n in ("from", "to", "call-id", "cseq", "contact", "max-forwards")), m.text
        assert m["From"].endswith(m["From"][m["From"].index(">;tag="):]) and "evil.example>" not in m["From"].split("<")[-1], m["From"]
        assert m["From"].count(";tag=") == 1 or "tag=evil" in m["From"].split("<")[0], m["From"]
