# SPDX-License-Identifier: MIT
"""methods: what is not a call. OPTIONS gets 200 with what we can do, from the PBX and from a carrier; methods we do not serve, known or not, 405 with Allow
(RFC 3261 8.2.1); requests of dialogs that do not exist 481; Max-Forwards 0 gets 483. None of it reaches the other side."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200})
    t.start()
    pbx, carrier = t.tool(), t.tool("other", net=2)
    t.trunks["ca"]["sources"] = []
    for raw, kedge in ((pbx, (t.ip(3), 5060)), (ca, (t.ip(4), 5060))):
        ok = ask(t, raw, kedge, "OPTIONS")
        assert ok.code == 200 and "INVITE" in ok["Allow"] and "BYE" in ok["Allow"] and "application/sdp" in ok["Accept"] and ok.to_tag, ok.text
        for method, code in (("PUBLISH", 405), ("REGISTER", 405), ("MESSAGE", 405), ("SUBSCRIBE", 405), ("BREW", 405), ("BYE", 481)):
            m = ask(t, raw, kedge, method)
            assert m.code == code and m["CSeq"] == "1 " + method, m.text
            assert code == 481 or "INVITE" in m["Allow"], m.text
        m = ask(t, raw, kedge, "INVITE", body=raw.sdp(), headers=["Max-Forwards: 0"])
        assert m.code == 483, m.text
        m = ask(t, raw, kedge, "INVITE", body=raw.sdp(), headers=["Require: kedge-cannot"])
        assert m.code == 420 and m["Unsupported"] == "kedge-cannot", m.text
    assert ca.received("INVITE") == 0
    t.cdrs = 0
    del carrier


def ask(t, raw, kedge, method, body="", headers=()):
    """The final answer to one request outside any call."""
    call_id = "%s-%d" % (method, len(raw.seen))
    text = raw.begin(method, "+442071838750", kedge, call_id, body=body, headers=headers)
    raw.say(text, kedge)
    assert t.until(lambda: any(m.code and m.code >= 200 and m["Call-ID"] == call_id for m in raw.messages()), 3), "%s: no answer" % method
    m = next(m for m in raw.messages() if m.code and m.code >= 200 and m["Call-ID"] == call_id)
    if method == "INVITE":
        raw.say(text.split("\r\n\r\n")[0].replace("INVITE", "ACK").replace("Content-Type: application/sdp\r\n", "").replace(
            "Content-Length: %d" % len(body), "Content-Length: 0") + "\r\n\r\n", kedge)
    return m
