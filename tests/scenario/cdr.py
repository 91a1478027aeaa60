# SPDX-License-Identifier: MIT
"""cdr (A98, A101, A140): two calls, one moved from a 503 to the second carrier, one cancelled by the caller: one record each, with every attempt, why,
when it rang, what the audio was; and the decision in words."""
import datetime


def scenario(t):
    t.carrier("ca", {"1": refuse(503, headers=['Reason: Q.850;cause=42;text="congestion"']),
                     "2": [recv("INVITE"), send(100), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")], "": refuse(500)})
    t.carrier("cb", answer(ring=0.2, after=0.3))
    t.absent("cx")
    t.profiles = {"out": {"targets": [{"trunk": "cx", "enabled": False}, {"trunk": "ca"}, {"trunk": "cb"}]},
                  "in": {"targets": [{"trunk": "pbx1"}]}}
    # Another form of the same number: what routes see and records say is one.
    t.caller([invite(frm="+44301", uri="sip:%2B44-20-7183-8751;npdi@[remote_ip]:[remote_port]")] + call(talk=1.0)[1:], numbers=["+442071838751"])
    t.run()
    t.caller([invite(), recv(100, optional=True), recv(180), pause(0.2), cancel(), recv(200), recv(487), ack()], numbers=["+442071838752"], host=2)
    t.run()


def after(t):
    moved, gone = sorted(t.cdr(), key=lambda r: r["start"])
    assert (moved["src"], moved["dst"], moved["in"], moved["trunk"], moved["profile"]) == ("+44301", "+442071838751", "pbx1", "cb", "out"), moved
    assert (moved["disposition"], moved["code"], moved["ended_by"], moved["hangup_cause"]) == ("ANSWERED", 200, "caller", "normal_clearing"), moved
    a, b, x = moved["attempts"]
    assert (x["trunk"], x["skipped"], x["reason"], x["start"], x["code"]) == ("cx", True, "disabled", None, None), x
    assert (a["trunk"], a["hop"], a["code"], a["q850"], a["ring_at"], a["skipped"]) == ("ca", "%s:5060" % t.ip(2, 1), 503, 42, None, False), a
    assert (a["reason"], a["rule"], a["timer"], a["media"]) == ("status", "503 no Retry-After", None, None), a
    assert b["media"] == moved["media"]["out"] and b["media"]["packets"] > 30 and b["rule"] is None, b
    assert b["trunk"] == "cb" and b["code"] == 200 and 150 <= b["pdd_ms"] < 1500, b
    times = [datetime.datetime.fromisoformat(x) for x in (moved["start"], a["start"], b["start"], b["ring_at"], b["answer_at"], moved["answer"], moved["end"])]
    assert times == sorted(times), times
    assert 150 <= moved["ttrb_ms"] <= moved["tta_ms"] < 3000 and moved["tta_ms"] - moved["ttrb_ms"] >= 250, moved
    assert 0.9 < moved["billsec"] < moved["duration"] < 8, moved
    sip = moved["sip"]
    assert sip["caller"] == t.peers["caller1"].sent("INVITE")[0]["Call-ID"] and sip["callee"] == t.peers["cb"].first("INVITE")["Call-ID"]
    for way in ("in", "out"):
        q = moved["media"][way]
        assert q["packets"] > 30 and q["bytes"] >= 172 * q["packets"] and q["lost"] == 0 and q["max_gap_ms"] >= 20, q
    assert moved["media"]["codec"] == "PCMU" and moved["node"] and moved["uuid"] != gone["uuid"]
    ends = {e["call"]: e["to"] for e in t.told("call.end", len(t.cdr()))}
    assert [ends[r["call"]] for r in (moved, gone)] == [r["dst"] for r in (moved, gone)], (ends, moved["call"], gone["call"])
    assert moved["decision"] and "503" in str(moved["decision"]) and moved["generation"] >= 0

    assert (gone["disposition"], gone["code"], gone["ended_by"], gone["hangup_cause"]) == ("CANCELLED", 487, "caller", "caller_cancel"), gone
    assert gone["answer"] is None and gone["billsec"] == 0 and gone["tta_ms"] is None and gone["ttrb_ms"] >= 0, gone
    assert [a["skipped"] for a in gone["attempts"]] == [False, True] and gone["attempts"][0]["trunk"] == "ca", gone
