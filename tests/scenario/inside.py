# SPDX-License-Identifier: MIT
"""inside: requests inside an answered call. INFO and MESSAGE cross both ways with body and Content-Type, in the other side's own dialog, and their answers come back; nothing
else that stood in them does. SDP in them is refused, silence becomes 504, 481 and 401 no more than 500. OPTIONS is answered here, REFER of a carrier 603, what is not spoken 405
with Allow. Somebody else's dialog and one that is over: 481. What is open when the call ends: 487."""

DTMF = "Signal=5\r\nDuration=160\r\n"
SECRET = ["X-Inside: %s", "Call-Info: <http://%s/>", "Subject: secret", "Info-Package: dtmf"]


def scenario(t):
    t.top = {"sip": {"t1": "150ms"}}
    ca = t.silent("ca", {"OPTIONS": 200, "BYE": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "INFO": 200, "MESSAGE": 202})
    t.start()
    inside, outside = (t.ip(3), 5060), (t.ip(4), 5060)
    pbx = t.tool()
    pbx.answers = {"INFO": 200, "MESSAGE": 200, "BYE": 200}
    pbx.say(pbx.begin("INVITE", "+442071838750", inside, "in", body=pbx.sdp()), inside)
    assert t.until(lambda: pbx.got("200 INVITE"), 3)
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), inside)
    assert t.until(lambda: ca.got("ACK"), 3)
    first = ca.first("INVITE")
    ca.number = pbx.number = 1

    def ask(raw, method, body="", type=None, headers=()):
        raw.number += 1
        text = raw.follow(ok if raw is pbx else first, method, raw.number, body=body, headers=headers)
        raw.say(text.replace("application/sdp", type) if type else text, inside if raw is pbx else outside)
        return raw.number, method

    def final(raw, asked):
        found = lambda: [m for m in raw.messages() if m.way == "in" and m.code and m.code >= 200 and m["CSeq"] == "%d %s" % asked]  # noqa: E731
        assert t.until(found, 15), "%s %s: no answer" % (raw.name, asked)
        return found()[0]

    for raw, other, code in ((pbx, ca, 202), (ca, pbx, 200)):
        own = raw.ip
        assert final(raw, ask(raw, "INFO", DTMF, "application/dtmf-relay", [h % own if "%s" in h else h for h in SECRET])).code == 200
        got = other.first("INFO")
        assert got.body == DTMF.replace("\r\n", "\n") and got["Content-Type"] == "application/dtmf-relay" and got["Info-Package"] == "dtmf", got.text
        assert not any(word in got.text for word in (own, "secret", "X-Inside", "Call-Info")), got.text
        assert got["Call-ID"] == (first if other is ca else ok)["Call-ID"]
        assert final(raw, ask(raw, "MESSAGE", "hello, \xe9\r\n", "text/plain")).code == code
        assert other.first("MESSAGE")["Content-Type"] == "text/plain" and "hello" in other.first("MESSAGE").body
        seen = len(asked_of(other))
        assert final(raw, ask(raw, "INFO", raw.sdp())).code == 415
        options = final(raw, ask(raw, "OPTIONS"))
        assert options.code == 200 and "INFO" in options["Allow"]
        for method in ("SUBSCRIBE", "NOTIFY", "PUBLISH", "BREW", "REGISTER"):
            m = final(raw, ask(raw, method))
            assert m.code == 405 and "UPDATE" in m["Allow"], m.text
        assert final(raw, ask(raw, "REFER", headers=["Refer-To: <sip:+19005550000@%s>" % own])).code == (603 if raw is ca else 405)
        assert len(asked_of(other)) == seen, asked_of(other)[seen:]
    for said, heard in ((481, 500), (408, 500), (401, 500), (302, 500), (405, 405), (415, 415), (469, 469), (488, 488), (503, 503)):
        ca.answers["INFO"] = said
        m = final(pbx, ask(pbx, "INFO", DTMF, "application/dtmf-relay"))
        assert m.code == heard, (said, m.text)
        assert heard != 405 or ("INFO" not in m["Allow"] and "MESSAGE" in m["Allow"]), m.text
    ca.answers["INFO"] = None
    asked = ask(pbx, "INFO", DTMF, "application/dtmf-relay")
    m = final(pbx, asked)
    said = [x for x in pbx.messages() if x.way == "out" and x["CSeq"] == "%d %s" % asked][0]
    assert m.code == 504 and t.gap(said, m) < 8, m.text  # 4.8 s, half of timer F; the transaction's own end would be 9.6 s
    many = [ask(pbx, "INFO", DTMF, "application/dtmf-relay") for _ in range(9)]
    assert final(pbx, many[8]).code == 500
    stray = pbx.follow(ok, "INFO", 90).replace("Call-ID: in", "Call-ID: out")
    pbx.say(stray, inside)
    assert t.until(lambda: any(m.code == 481 and m["Call-ID"] == "out" for m in pbx.messages()), 3)
    pbx.number = 100
    assert final(pbx, ask(pbx, "BYE")).code == 200
    assert [final(pbx, m).code for m in many[:8]] == [487] * 8
    assert final(ca, ask(ca, "INFO")).code == 481
    t.cdrs = 1


def asked_of(raw):
    """Requests it got, but for kedge's own probes."""
    return [m for m in raw.messages() if m.way == "in" and m.request and m.method != "OPTIONS"]
