# SPDX-License-Identifier: MIT
"""trace (A157): nothing was switched on, CA says 503 and CB answers: `kedge trace` has every message of all legs as each party had it, those sent again too, and what was
decided between them; a call that went well leaves nothing, one that runs is shown. Passwords and media keys are not shown."""
import json


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503})
    cb = t.carrier("cb", answer())
    t.start()
    pbx = t.tool()
    pbx.answers = {"BYE": 200}
    inside = t.kedge_at()
    secret = "Authorization: Digest username=\"u\", realm=\"r\", nonce=\"n\", response=\"s3cret\""
    sdp = pbx.sdp() + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\r\n"
    invite = pbx.begin("INVITE", "+442071838750", inside, "moved@pbx/1", body=sdp, headers=[secret])
    pbx.say(invite, inside)
    assert t.until(lambda: pbx.got("200 INVITE"), 5)

    # It runs: it can be traced already, by its Call-ID.
    running = json.loads(t.verb("trace", "moved@pbx/1", "--json"))
    assert running["state"] == "up" and running["messages"], running
    assert "answered by cb" in t.verb("why", running["call"][:8]) and json.loads(t.verb("why", "moved@", "--json"))["state"] == "up"
    # The latest call to a number, though an older one still runs.
    pbx.say(pbx.begin("INVITE", "+442071838750", inside, "second", body=pbx.sdp(), branch="second", headers=["Require: magic"]), inside)
    assert t.until(lambda: pbx.got("420 INVITE"), 5)
    assert json.loads(t.verb("why", "+442071838750", "--json"))["call_id"] == "second"
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), inside)
    pbx.say(pbx.follow(ok, "BYE", 2), inside)
    assert t.until(lambda: pbx.got("200 BYE") and t.events("call.end"), 5)

    told = json.loads(t.verb("trace", "moved@pbx/1", "--json"))
    assert told["kind"] == "failed" and told["state"] == "ended" and told["left_out"] == 0, told
    messages = [m for m in told["messages"] if "note" not in m]
    notes = [m["note"] for m in told["messages"] if "note" in m]
    assert any(n.startswith("ca: cause 503 -> next") and '503 no Retry-After' in n and "counts F+L" in n for n in notes), notes
    by_who = {who: [m for m in messages if m["who"] == who] for who in ("pbx1", "ca", "cb")}
    assert sum(map(len, by_who.values())) == len(messages), sorted({m["who"] for m in messages})
    same(by_who["pbx1"], pbx, call_id="moved@pbx/1")
    same(by_who["ca"], ca, "OPTIONS")
    assert [kind(m) for m in by_who["cb"] if m["way"] == "out"] == ["INVITE", "ACK", "BYE"], by_who["cb"]
    assert [kind(m) for m in by_who["cb"] if m["way"] == "in"][-2:] == ["200 INVITE", "200 BYE"], by_who["cb"]
    assert [m["at_ms"] for m in messages] == sorted(m["at_ms"] for m in messages)

    text = t.verb("trace", "moved@pbx/1")
    for hidden in ("s3cret", "c2VjcmV0"):
        assert hidden not in text and hidden not in json.dumps(told), hidden
    assert "Authorization: Digest ***" in text and "inline:***" in text, text
    ladder = t.verb("trace", "moved@pbx/1", "--ladder")
    assert "Via:" not in ladder and "- INVITE -" in ladder and "503 INVITE" in ladder and "cb" in ladder, ladder
    print(ladder)

    # One that is answered at once leaves nothing; a request that is sent again is seen twice.
    ca.answers["INVITE"] = 486
    pbx.say(pbx.begin("INVITE", "+442071838751", inside, "busy", body=pbx.sdp(), branch="again"), inside)
    assert t.until(lambda: pbx.got("486 INVITE"), 5)
    pbx.say(pbx.begin("INVITE", "+442071838751", inside, "busy", body=pbx.sdp(), branch="again"), inside)
    assert t.until(lambda: len(pbx.got("486 INVITE")) > 1, 5)
    told = json.loads(t.verb("trace", "busy", "--json"))
    said = [(kind(m), m["again"]) for m in told["messages"] if m.get("who") == "pbx1"]
    assert ("486 INVITE", True) in said and said.count(("INVITE", False)) == 1 and said.count(("INVITE", True)) >= 1, said

    ca.answers["INVITE"] = lambda raw, m: raw.reply(m, 200, sdp=True)
    ca.answers["BYE"] = 200
    pbx.say(pbx.begin("INVITE", "+442071838752", inside, "well", body=pbx.sdp()), inside)
    assert t.until(lambda: [m for m in pbx.got("200 INVITE") if m["Call-ID"] == "well"], 5)
    ok = [m for m in pbx.got("200 INVITE") if m["Call-ID"] == "well"][0]
    pbx.say(pbx.follow(ok, "ACK", 1), inside)
    pbx.say(pbx.follow(ok, "BYE", 2), inside)
    assert t.until(lambda: len(t.events("call.end")) == 3, 5)
    assert json.loads(t.verb("why", "well", "--json"))["kind"] == "good"
    assert "its messages: kedge trace" not in t.verb("why", "well"), "there are none"
    assert t.verb("trace", "well", ok=False) == ""
    t.cdrs = 3


def kind(m):
    words = m["text"].split("\r\n")[0].split()
    if words[0] != "SIP/2.0":
        return words[0]
    cseq = [line for line in m["text"].split("\r\n") if line.startswith("CSeq:")][0]
    return words[1] + " " + cseq.split()[-1]


def same(told, party, but=None, call_id=None):
    """What was told about a party is what it had, message by message."""
    for way, theirs in (("in", "out"), ("out", "in")):
        has = [("%s %s" % (m.code, m.method) if m.code else m.method) for m in party.messages() if m.way == theirs and m.method != but and call_id in (None, m["Call-ID"])]
        assert [kind(m) for m in told if m["way"] == way] == has, (way, [kind(m) for m in told if m["way"] == way], has)
