# SPDX-License-Identifier: MIT
"""dtmf_undelivered (A100): a carrier that does not take the INFOs it asked for. A challenge (401, 407), 415, 481 or no answer: that digit is lost, none is said twice, those behind
it go in their order, the call lives. The log says why once for each reason, the CDR how many; neither says which. Two in a row without any answer, and what waits is given up;
the next key that is typed is tried again. Where INFOs pass from side to side the PBX hears 500, and the log says the same."""
import json
import re

from digits import Digits

CHALLENGE = {401: 'WWW-Authenticate: Digest realm="c", nonce="1", algorithm=MD5', 407: 'Proxy-Authenticate: Digest realm="c", nonce="1", algorithm=MD5'}
SAYS = {"1": 401, "2": 407, "3": 415, "4": 481, "6": None, "8": None, "9": None}


def scenario(t):
    t.top = {"sip": {"t1": "60ms"}}  # an INFO waits 1.9 s
    t.audio_strict = False
    ends = {}

    def takes(raw, m):
        ends["ca"] = Digits(raw.ip, 21000)
        raw.reply(m, 200, sdp=True)
        aim(ends["ca"], m.body)

    def on_info(raw, m):
        code = SAYS.get(key_of(m), 200)
        if code:
            raw.reply(m, code, headers=[CHALLENGE[code]] if code in CHALLENGE else ())

    ca = t.silent("ca", {"OPTIONS": 200, "BYE": 200, "INVITE": takes, "INFO": on_info}, dtmf="info")
    t.trunk("events", "pbx", 1, sources=["%s/32" % t.ip(1, 1)])
    t.trunk("infos", "pbx", 2, sources=["%s/32" % t.ip(1, 2)], dtmf="info")
    t.start()
    inside = (t.ip(3), 5060)
    raw, other = t.tool("box", host=1, port=5062), t.tool("box2", host=2, port=5062)
    turned(t, raw, ca, ends, inside)
    passed(t, other, ca, ends, inside)
    t.cdrs = 2
    text = t.log_text() + json.dumps(t.cdr())
    assert "Signal" not in text and "dtmf-relay" not in text


def turned(t, raw, ca, ends, inside):
    ok = up(t, raw, inside, "one", raw.sdp("0 101") + "a=rtpmap:101 telephone-event/8000\r\n")
    pbx = Digits(raw.ip, 21000)
    aim(pbx, ok.body)
    pbx.type("1234567890*", 60)
    asked = lambda: [key_of(m) for m in first_ones(ca)]  # noqa: E731
    assert t.until(lambda: asked() == list("123456789"), 20), asked()
    assert t.until(lambda: len([m for m in ca.got("INFO") if key_of(m) == "9"]) >= 4, 15)
    pbx.wait()
    # 9 is the second in a row without an answer: 0 and * are not kept for after it. The machine may be slow: so is the next key.
    assert not t.until(lambda: asked() != list("123456789"), 4), asked()
    pbx.type("#", 60)
    assert t.until(lambda: asked() == list("123456789#"), 15), asked()
    assert all(not re.search("(?i)^(Proxy-)?Authorization:", m.text, re.M) for m in ca.got("INFO"))
    cseqs = [int(m["CSeq"].split()[0]) for m in first_ones(ca)]
    assert cseqs == sorted(cseqs), cseqs
    assert reasons(t) == [("no_credentials", 401), ("not_taken", 415), ("no_dialog", 481), ("no_answer", 0)], t.events("call.digits")
    raw.say(raw.follow(ok, "BYE", 90), inside)
    assert t.until(lambda: len(t.cdr()) == 1, 15)
    said = t.cdr()[0]["media"]
    assert (said["digits"], said["digits_lost"]) == (12, 9), said
    for end in (pbx, ends["ca"]):
        end.stop()


def passed(t, raw, ca, ends, inside):
    ok = up(t, raw, inside, "two", raw.sdp("0"))
    raw.say(raw.follow(ok, "INFO", 2, body="Signal=2\r\n").replace("application/sdp", "application/dtmf-relay"), inside)
    answer = lambda: [m for m in raw.messages() if m.way == "in" and m.code and m["CSeq"] == "2 INFO"]  # noqa: E731
    assert t.until(answer, 15) and answer()[0].code == 500 and "Authenticate" not in answer()[0].text, [m.text for m in answer()]
    assert t.until(lambda: reasons(t)[4:] == [("no_credentials", 407)], 15), t.events("call.digits")
    raw.say(raw.follow(ok, "BYE", 90), inside)
    assert t.until(lambda: len(t.cdr()) == 2, 15)
    ends["ca"].stop()


def up(t, raw, inside, call_id, body):
    raw.say(raw.begin("INVITE", "+442071838750", inside, call_id, tag=call_id, body=body), inside)
    found = lambda: [m for m in raw.messages() if m.way == "in" and m.code == 200 and m["Call-ID"] == call_id]  # noqa: E731
    assert t.until(found, 15)
    raw.say(raw.follow(found()[0], "ACK", 1), inside)
    return found()[0]


def aim(end, body):
    end.aim((re.search(r"c=IN IP4 (\S+)", body).group(1), int(re.search(r"m=audio (\d+)", body).group(1))))


def key_of(m):
    return re.match(r"Signal=(.)", m.body).group(1)


def first_ones(raw):
    """Of each INFO the first time it came, whatever was sent again."""
    found = {}
    for m in raw.got("INFO"):
        found.setdefault((m["Call-ID"], m["CSeq"]), m)
    return list(found.values())


def reasons(t):
    return [(e["why"], e["code"]) for e in t.events("call.digits")]
