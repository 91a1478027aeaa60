# SPDX-License-Identifier: MIT
"""five_faults (A101 A33): five faults that look alike to a caller, told apart by what kedge says alone: a closed port, a carrier that is silent, one that says 503, one that refuses what
we send it (403), a number without a route. Of each call `kedge why` names the evidence, the rule that judged it and what was known then; `kedge trunks` and the log say
the same of the trunk. A source that is nobody's is told by `kedge refused`; an INVITE alone unanswered is no silence."""
import json

WELL = {"OPTIONS": 200}


def scenario(t):
    t.absent("closed")
    t.silent("mute", {})
    t.silent("loaded", {**WELL, "INVITE": 503})
    t.silent("strict", {**WELL, "INVITE": 403})
    t.silent("deaf", WELL)
    t.carrier("cb", answer())
    faulty = ("closed", "mute", "loaded", "strict", "deaf")
    t.profiles = {name: {"targets": [{"trunk": name}, {"trunk": "cb"}]} for name in faulty}
    t.routes = [{"name": name, "from": "pbx1", "prefix": "+44%d" % i, "profile": name} for i, name in enumerate(faulty)]
    t.start()
    pbx = t.tool()
    pbx.answers = {"BYE": 200}
    calls = 0

    def call(number):
        nonlocal calls
        calls += 1
        pbx.say(pbx.begin("INVITE", number, t.kedge_at(), "c%d" % calls, body=pbx.sdp()), t.kedge_at())
        finals = lambda: [m for m in pbx.messages() if m.way == "in" and m["Call-ID"] == "c%d" % calls and m.code and m.code >= 200 and m.method == "INVITE"]
        assert t.until(finals, 10), number
        m = finals()[0]
        if m.code == 200:
            pbx.say(pbx.follow(m, "ACK", 1), t.kedge_at())
            pbx.say(pbx.follow(m, "BYE", 2), t.kedge_at())
        return m.code

    def why(number):
        assert t.until(lambda: json.loads(t.verb("why", number, "--json"))["state"] == "ended", 5)
        return json.loads(t.verb("why", number, "--json"))

    # What each trunk was judged by; the last one of the three calls to it that say what it is.
    codes = {}
    for i, name in enumerate(faulty):
        for k in range(3 if name in ("loaded", "strict") else 1):
            number = "+44%d555%d" % (i, k)
            codes[name] = call(number)
    expected = {
        "closed": ("unreachable", None, "unreachable", "next", "F", None),
        "mute": (("silent", "no_reply"), None, None, "next", "F", ("silence_check", "first_response")),
        "loaded": ("status", 503, "503 no Retry-After", "next", "F+L", None),
        "strict": ("status", 403, "403 trunk without config_fault", "stop", "A", None),
        "deaf": ("no_reply", None, "no_reply", "next", "F", ("first_response",)),
    }
    for i, name in enumerate(faulty):
        told = why("+44%d5550" % i)
        first = told["decision"]["attempts"][0]
        cause, code, row, then, counts, timer = expected[name]
        assert first["trunk"] == name and first["cause"] in cause and first.get("code") == code, first
        assert row is None or first["row"] == row, first
        assert first["then"] == then and first["counts"] == counts, first
        assert (first.get("timer") is None) if timer is None else first["timer"] in timer, first
        hop = told["decision"]["hops"][first["look"]]
        assert hop["state"] in ("UNKNOWN", "UP", "DOWN", "DEGRADED") and hop["at_ms"] < 100 and "failures" in hop and "probes" in hop, hop
        assert (codes[name] == 403) == (name == "strict") and (codes[name] == 200) == (name != "strict"), codes
        text = t.verb("why", "+44%d5550" % i)
        assert "known then" in text and "rule " in text, text
        print(text)

    says = {"closed": "nobody listens at that address", "mute": "neither to the INVITE nor to OPTIONS", "loaded": 'row "503 no Retry-After"',
            "strict": "a fault of our configuration", "deaf": "though the hop lives"}
    for name, words in says.items():
        for other in range(len(faulty)):
            text = t.verb("why", "+44%d5550" % other)
            assert (words in text) == (faulty[other] == name), (name, faulty[other], text)

    # And the trunks: three 503 took one DOWN, three 403 to distinct numbers are a config fault.
    assert t.until(lambda: trunk(t, "loaded")["state"] == "DOWN" and trunk(t, "strict")["state"] == "DEGRADED", 5), (trunk(t, "loaded"), trunk(t, "strict"))
    assert "config_fault" in trunk(t, "strict")["reason"] and trunk(t, "strict")["code"] == 403, trunk(t, "strict")
    evidence = {e["trunk"]: e for e in t.events("trunk.state") if e["to"] in ("DOWN", "DEGRADED")}
    assert evidence["loaded"]["evidence"] and evidence["loaded"]["clears"], evidence["loaded"]

    # Now the snapshot shows it, an hour later too: why the first trunk was left out, and by what.
    assert call("+4425559") == 200
    told = why("+4425559")
    left_out = told["decision"]["targets"][0]
    assert left_out["trunk"] == "loaded" and left_out["skip"] == "down" and left_out["code"] == 503, left_out
    hop = told["decision"]["hops"][left_out["look"]]
    assert hop["state"] == "DOWN" and hop["code"] == 503 and hop["failures"] >= 3 and hop["retry_ms"] > 0, hop
    assert "skipped     down" in t.verb("why", "+4425559")
    # While it is a config fault 403 goes on.
    assert call("+4435559") == 200
    first = why("+4435559")["decision"]["attempts"][0]
    assert first["row"] == "403 trunk DEGRADED(config_fault)" and first["then"] == "next", first

    # No route, and no source.
    assert call("+999") == 404
    told = why("+999")
    assert told["refused"] and told["why"] == "no_route" and told["in"] == "pbx1" and told["decision"] is None, told
    assert "no route takes this number" in t.verb("why", "+999") and "kedge explain +999 --from pbx1" in t.verb("why", "+999")
    assert [m["text"].split()[0] for m in json.loads(t.verb("trace", "+999", "--json"))["messages"]][:2] == ["INVITE", "SIP/2.0"]
    pbx.say(pbx.begin("INVITE", "+4405551", t.kedge_at(), "odd", body=pbx.sdp(), headers=["Require: magic"]), t.kedge_at())
    assert t.until(lambda: pbx.got("420 INVITE"), 5)
    told = why("odd")
    assert (told["refused"], told["why"], told["code"]) == (True, "require", 420), told
    stranger = t.tool("stranger", net=7, host=7)
    stranger.say(stranger.begin("INVITE", "+4405550", t.kedge_at(), "strange", body=stranger.sdp()), t.kedge_at())
    assert t.until(lambda: stranger.ip in t.verb("refused"), 5)
    assert t.verb("why", "strange", ok=False) == ""
    # The beginning of several Call-IDs or numbers is no name.
    assert t.verb("why", "c", ok=False) == ""
    t.cdrs = calls - 1


def trunk(t, name):
    return [x for x in json.loads(t.verb("trunks", "--json"))["trunks"] if x["trunk"] == name][0]
