# SPDX-License-Identifier: MIT
"""strangers: an address that belongs to no trunk gets 403 once a second and is otherwise not heard: no amplifier, no scanner's friend. The answer is never longer than the
request, a request too short for one gets none, and a scanner by name none at all. Nothing goes to the carrier, and a good caller is not disturbed."""

SHORT = "OPTIONS sip:k SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bKq;rport\r\nf:<sip:a>;tag=q\r\nt:<sip:k>\r\ni:q\r\nCSeq:1 OPTIONS\r\n\r\n"


def scenario(t):
    ca = t.carrier("ca", answer())
    t.trunk("pbx1", "pbx", 1, sources=["%s/32" % t.ip(1)])
    t.start()
    other, brief, scanner = t.tool("other", host=200), t.tool("brief", host=201), t.tool("scanner", host=202)
    kedge = (t.ip(3), 5060)
    for burst in range(2):
        before = len(other.messages())
        for i in range(20):
            other.say(other.begin(("INVITE", "OPTIONS", "REGISTER")[i % 3], "+442071838750", kedge, "s%d-%d" % (burst, i), body=other.sdp()), kedge)
        t.until(lambda: len(other.got(403)) > burst + 1, 0.4)
        assert len(other.got(403)) == burst + 1, other.messages()[before:]
        t.until(lambda: False, 0.8)
    assert all(m.code == 403 for m in other.messages() if m.way == "in")
    first, asked = other.got(403)[0], [m for m in other.messages() if m.way == "out"][0]
    assert len(first.text) <= len(asked.text) and first.to_tag and first["Call-ID"] == asked["Call-ID"] and first["CSeq"] == asked["CSeq"], first.text
    brief.say(SHORT, kedge)
    scanner.say(scanner.begin("OPTIONS", "100", kedge, headers=["User-Agent: Friendly-Scanner 1.0"], body=scanner.sdp()), kedge)
    t.caller(call(talk=0.1))
    t.run()
    assert ca.received("INVITE") == 1
    assert not brief.got(403) and not scanner.got(403), (brief.messages(), scanner.messages())
    counted = t.figures()["counters"]
    assert counted["refused_unknown_source"] == 41 and counted["refused_scanner"] == 1, counted
    everyone = {t.ip(1, h) for h in (200, 201, 202)}
    told = lambda: {e["source"] for e in t.events("sip.stranger") + t.events("sip.refused")}
    assert t.until(lambda: told() == everyone, 3), told()
