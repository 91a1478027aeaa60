# SPDX-License-Identifier: MIT
"""reasons (RFC 3326): the Reason of a CANCEL reaches every branch, those of a BYE the other side, both ways: protocol and cause, of each of them, and no text, which may name
what is inside. Where none is of ISDN its cause is added (RFC 3398), to a refusal without any too. A phone that is CANCELled since another answered hears that too (cause=200)."""

SAID = ["Reason: Q.850;cause=17;text=\"busy at pbx.inside\"", "Reason: SIP ;cause=480;text=\"a, b\", X-Own;cause=1;text=\"secret\""]


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 180, "CANCEL": cancelled})
    t.start()
    inside, outside = (t.ip(3), 5060), (t.ip(4), 5060)
    pbx = t.tool()
    pbx.answers = {"BYE": 200}

    invite = pbx.begin("INVITE", "+442071838750", inside, "one", body=pbx.sdp(), branch="one")
    pbx.say(invite, inside)
    assert t.until(lambda: pbx.got(180), 3)
    lines = [h for h in invite.split("\r\n\r\n")[0].replace("INVITE", "CANCEL").split("\r\n") if not h.startswith(("Content-", "Contact"))]
    pbx.say("\r\n".join(lines + SAID) + "\r\nContent-Length: 0\r\n\r\n", inside)
    assert t.until(lambda: ca.got("CANCEL"), 3)
    says(ca.first("CANCEL"))

    ca.answers.update({"INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200})
    for i, hangs_up in enumerate((pbx, ca)):
        pbx.say(pbx.begin("INVITE", "+442071838750", inside, "up%d" % i, body=pbx.sdp()), inside)
        assert t.until(lambda: len(pbx.got("200 INVITE")) > i, 3)
        ok = pbx.got("200 INVITE")[i]
        pbx.say(pbx.follow(ok, "ACK", 1), inside)
        assert t.until(lambda: len(ca.got("ACK")) > i, 3)
        if hangs_up is pbx:
            pbx.say(pbx.follow(ok, "BYE", 2, headers=["Reason: SIP;cause=503"]), inside)
            assert t.until(lambda: ca.got("BYE"), 3)
            assert ", ".join(ca.first("BYE").all("Reason")).replace(" ", "") == "SIP;cause=503,Q.850;cause=41", ca.first("BYE").text
        else:
            ca.say(ca.follow(ca.got("INVITE")[-1], "BYE", 1, headers=SAID), outside)
            assert t.until(lambda: pbx.got("BYE"), 3)
            says(pbx.first("BYE"))
    for i, (said, wanted) in enumerate(((486, 17), (404, 1), (600, 17), (488, 88))):
        ca.answers["INVITE"] = said
        call_id = "no%d" % i
        invite = pbx.begin("INVITE", "+442071838750", inside, call_id, body=pbx.sdp(), branch=call_id)
        pbx.say(invite, inside)
        final = lambda: [m for m in pbx.messages() if m.way == "in" and m["Call-ID"] == call_id and m.code >= 300]  # noqa: E731
        assert t.until(final, 3)
        assert "Q.850;cause=%d" % wanted in ", ".join(final()[0].all("Reason")) or said == 488, final()[0].text
    t.cdrs = 7


def says(m):
    said = ", ".join(m.all("Reason"))
    assert "Q.850;cause=17" in said and "SIP;cause=480" in said, m.text
    assert not any(word in m.text for word in ("inside", "secret", "X-Own")), m.text


def cancelled(raw, m):
    raw.reply(m, 200)
    raw.reply(m, 487, method="INVITE")
