# SPDX-License-Identifier: MIT
"""body_required (RFC 3204, 5621): a part beside the SDP says handling=required. Where no trunk of the plan passes bodies on the INVITE gets 415; else it goes to the trunk that does, and past the one that does
not. The same part in a re-INVITE gets 415, and what held still holds; one that says handling=optional, or nothing, hinders nobody."""
PART = "--b\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--b\r\nContent-Type: application/x-q931\r\n%s\r\nbytes\r\n--b--\r\n"


def scenario(t):
    doing = {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200}
    ca, cb = t.silent("ca", doing), t.silent("cb", doing, bodies="pass")
    t.profiles = {"one": {"targets": [{"trunk": "ca"}]}, "two": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}}
    t.routes = [{"name": "r%d" % n, "from": "pbx1", "prefix": "+44%d" % n, "profile": p} for n, p in ((1, "one"), (2, "two"))]
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)

    def ask(call_id, number, disposition, first=None, cseq=1):
        body = PART % (pbx.sdp(), disposition)
        text = pbx.follow(first, "INVITE", cseq, body=body) if first else pbx.begin("INVITE", number, kedge, call_id=call_id, tag="t" + call_id, branch="b" + call_id, body=body)
        pbx.say(text.replace("application/sdp\r\n", "multipart/mixed;boundary=b\r\n", 1), kedge)
        final = lambda: [m for m in pbx.messages() if m.way == "in" and m.code and m.code >= 200 and m["Call-ID"] == call_id and m["CSeq"] == "%d INVITE" % cseq]  # noqa: E731
        assert t.until(final, 5), call_id
        m = final()[0]
        ack = pbx.follow(m, "ACK", cseq) if m.code == 200 else text.split("\r\n\r\n")[0].replace("INVITE", "ACK").split("Content-Type")[0] + "Content-Length: 0\r\n\r\n"
        pbx.say(ack, kedge)
        return m
    required, optional = ("Content-Disposition: signal;handling=%s\r\n" % w for w in ("required", "optional"))
    refused = ask("one", "+441", required)
    assert refused.code == 415 and "application/sdp" in refused["Accept"] and ca.received("INVITE") == 0, refused.text
    up = ask("two", "+442", required)
    assert up.code == 200 and ca.received("INVITE") == 0 and "x-q931" in cb.first("INVITE").body, up.text
    assert ask("three", "+441", optional).code == 200 and "x-q931" not in ca.first("INVITE").body
    assert ask("four", "+441", "").code == 200
    assert ask("two", "+442", required, up, 2).code == 415 and ask("two", "+442", optional, up, 3).code == 200
    for i, m in enumerate(m for m in pbx.got("200 INVITE") if m["CSeq"].startswith("1 ")):
        pbx.say(pbx.follow(m, "BYE", 9), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == 3, 3)
    t.cdrs = 4
    t.audio_strict = False
