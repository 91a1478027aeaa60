# SPDX-License-Identifier: MIT
"""test_numbers_dialog (A158): a test number as a dialog, and as what the operator sees. It is explained, stands among the calls as a test, and leaves a record that says so. Ended before its answer
(CANCEL, BYE) the INVITE gets 487; a BYE before the ACK ends it; a re-INVITE before the ACK gets 500 and Retry-After; hold is answered and nothing comes back meanwhile; a session timer is agreed
and, where kedge is to refresh, refreshed by UPDATE; one that is too short gets 422."""
import json
import re

from ear import Ear

ECHO, LATE, BUSY = "99901", "99904", "99903"
SDP = "v=0\r\no=- 1 {v} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na={way}\r\n"


def scenario(t):
    t.carrier("ca", answer())
    t.time_scale = 20
    t.top["test_numbers"] = [{"number": ECHO, "does": "echo"}, {"number": LATE, "does": "late-answer-24s"}, {"number": BUSY, "does": "busy"}]
    t.start()
    raw, kedge = t.tool(answers={"UPDATE": lambda r, m: r.reply(m, 200, headers=("Session-Expires: 90;refresher=uac", "Require: timer")), "BYE": 200}), t.kedge_at(1)
    ear = Ear(raw.ip, 21200, pt=8)
    sdp = lambda v=1, way="sendrecv": SDP.format(v=v, ip=raw.ip, port=21200, way=way)
    mine = lambda what, call, cseq=None: [m for m in raw.got(what) if m["Call-ID"] == call and (cseq is None or m["CSeq"].startswith("%d " % cseq))]

    def rings(number, call, headers=()):
        text = raw.begin("INVITE", number, kedge, body=sdp(), call_id=call, branch="b" + call, headers=headers)
        raw.say(text, kedge)
        return text

    def answered(call, cseq=1):
        assert t.until(lambda: mine("200 INVITE", call, cseq), 5), raw.messages()
        return mine("200 INVITE", call, cseq)[0]

    def asks(m, method, cseq, want, body="", headers=()):
        raw.say(raw.follow(m, method, cseq, body, headers), kedge)
        assert t.until(lambda: mine("%d %s" % (want, method), m["Call-ID"], cseq), 5), raw.messages()[-2:]
        return mine("%d %s" % (want, method), m["Call-ID"], cseq)[0]

    def undecided(call, does):
        told = [t.ask("/v1/calls/%s/%s" % (call, verb)) for verb in ("why", "trace")]
        assert all(re.search(r"call [0-9a-f]+ was to test number %s: nothing was decided; see its call record" % does, text) for text in told), told

    shown = t.verb("explain", ECHO)
    assert 'test number "echo"' in shown and json.loads(t.verb("explain", LATE, "--json"))["test"] == "late-answer-24s", shown

    # one call, in all it may do
    rings(ECHO, "one", ("Supported: timer", "Session-Expires: 1800"))
    ok = answered("one")
    assert ok["Session-Expires"] == "1800;refresher=uac" and "timer" in ok["Require"], ok
    early = asks(ok, "INVITE", 2, 500, sdp(2))
    assert early["Retry-After"] == "1", early
    raw.say(raw.follow(ok, "ACK", 2), kedge)
    raw.say(raw.follow(ok, "ACK", 1), kedge)
    ear.aim(ok.body).talking = True
    assert t.until(lambda: len(ear.packets) > 20, 5)
    listed = json.loads(t.ask("/v1/calls"))
    calls = listed["calls"]
    assert listed["total"] == 1, listed
    undecided(calls[0]["call"], "echo")
    assert [(c["to"], c["trunk"], c["state"], c["in"], c["codec"]) for c in calls] == [(ECHO, "test echo", "UP", "pbx1", "PCMA")], calls
    held = asks(ok, "INVITE", 3, 200, sdp(3, "sendonly"))
    assert "a=recvonly" in held.body, held.body
    raw.say(raw.follow(ok, "ACK", 3), kedge)
    t.until(lambda: False, 0.3)
    n, sent = len(ear.packets), ear.sent
    assert t.until(lambda: ear.sent > sent + 20, 3) and len(ear.packets) <= n + 1, (n, len(ear.packets))
    assert json.loads(t.verb("calls", "--json"))["calls"][0]["state"] == "HELD"
    assert "a=inactive" in asks(ok, "INVITE", 4, 200, sdp(4, "inactive")).body
    raw.say(raw.follow(ok, "ACK", 4), kedge)
    assert "a=sendrecv" in asks(ok, "INVITE", 5, 200, sdp(5)).body.replace("a=ptime", "") or "a=recvonly" not in mine("200 INVITE", "one", 5)[0].body
    raw.say(raw.follow(ok, "ACK", 5), kedge)
    n = len(ear.packets)
    assert t.until(lambda: len(ear.packets) > n + 20, 5)
    short = asks(ok, "UPDATE", 6, 422, headers=("Supported: timer", "Session-Expires: 10"))
    assert short["Min-SE"] == "90", short
    ear.talking = False
    asks(ok, "BYE", 7, 200)

    # who says that kedge refreshes is refreshed: 90 s are 4.5 s here, half of it is over by then
    rings(ECHO, "two", ("Supported: timer", "Session-Expires: 90;refresher=uas"))
    ok = answered("two")
    assert ok["Session-Expires"] == "90;refresher=uas", ok
    raw.say(raw.follow(ok, "ACK", 1), kedge)
    assert t.until(lambda: len([m for m in raw.got("UPDATE") if m["Call-ID"] == "two"]) >= 2, 10), raw.messages()[-2:]
    assert "refresher=uac" in raw.got("UPDATE")[0]["Session-Expires"] and not raw.got("UPDATE")[0].body
    asks(ok, "BYE", 2, 200)

    # a peer that was to refresh and is silent: the session ends
    rings(ECHO, "three", ("Supported: timer", "Session-Expires: 90;refresher=uac"))
    raw.say(raw.follow(answered("three"), "ACK", 1), kedge)
    assert t.until(lambda: [m for m in raw.got("BYE") if m["Call-ID"] == "three"], 8), "an expired session lives on"

    # ends before the ACK, before the answer
    rings(ECHO, "four")
    ok = answered("four")
    asks(ok, "BYE", 2, 200)
    raw.say(raw.follow(ok, "ACK", 1), kedge)
    t.until(lambda: False, 0.2)
    n = len(mine("200 INVITE", "four"))
    t.until(lambda: False, 1.5)
    assert len(mine("200 INVITE", "four")) == n, "its answer is sent on and on"
    text = rings(LATE, "five")
    assert t.until(lambda: mine("180 INVITE", "five"), 3)
    asks(mine("180 INVITE", "five")[0], "BYE", 2, 200)
    assert t.until(lambda: mine("487 INVITE", "five"), 3), "an INVITE without a final answer"
    raw.say(re.sub("^INVITE", "ACK", text.partition("\r\n\r\n")[0]).replace("1 INVITE", "1 ACK").replace("Content-Type: application/sdp\r\n", "").replace("To: <sip:%s@%s>" % (LATE, kedge[0]), "To: " + mine("487 INVITE", "five")[0]["To"]).replace("Content-Length: %d" % len(sdp()), "Content-Length: 0") + "\r\n\r\n", kedge)
    rings(BUSY, "six")
    assert t.until(lambda: mine("486 INVITE", "six"), 3)

    assert t.until(lambda: len(t.cdr()) == 6, 5), t.cdr()
    records = [(r["dst"], r["test"], r["disposition"], r["code"], r["trunk"], r["ended_by"]) for r in t.cdr()]
    assert records == [(ECHO, "echo", "ANSWERED", 200, None, "caller"), (ECHO, "echo", "ANSWERED", 200, None, "caller"), (ECHO, "echo", "ANSWERED", 200, None, "kedge"),
                       (ECHO, "echo", "ANSWERED", 200, None, "caller"), (LATE, "late-answer-24s", "CANCELLED", 487, None, "caller"),
                       (BUSY, "busy", "BUSY", 486, None, "kedge")], records
    undecided("six", "busy")
    told = [(e["number"], e["code"], e.get("why"), e["call"]) for e in t.events("call.test")]
    assert [e[:3] for e in told[-2:]] == [(LATE, 200, None), (BUSY, 486, "busy")] and [e[3] for e in told] == [r["call"] for r in t.cdr()], told
    assert t.cdr()[0]["media"]["in"]["packets"] > 40, t.cdr()[0]["media"]
    ear.stop()
    t.cdrs = 6
    t.audio_strict = t.sip_strict = False
