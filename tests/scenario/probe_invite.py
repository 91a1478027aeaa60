# SPDX-License-Identifier: MIT
"""probe_invite (A80): a test INVITE to a trunk's echo number in place of OPTIONS, with an offer that could be answered: CANCELled when it rings, ACKed and hung up when it is
answered; 486 proves a hop good only where probe.ok says so; one that answers OPTIONS and swallows INVITEs is DOWN. No call of kedge's, no record, no port. Time runs ten times faster."""

ECHO = "+441512227777"


def scenario(t):
    t.time_scale = 10
    by_invite = {"method": "INVITE", "number": ECHO, "interval": "10s"}
    never = {"first_response_adaptive": False}
    rings = t.silent("rings", {"INVITE": ring, "CANCEL": cancelled}, probe=by_invite)
    answers = t.silent("answers", {"INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200}, probe=dict(by_invite, **{"from": "sip:ping@edge.example", "contact": "sip:ping@192.0.2.7"}))
    busy = t.silent("busy", {"INVITE": 486}, probe=dict(by_invite, ok="200,486"))
    strict = t.silent("strict", {"INVITE": 486}, probe=dict(by_invite, ok="200"))
    t.silent("swallows", {"OPTIONS": 200}, probe=by_invite, timers=never)
    t.passes = (r"192\.0\.2\.7",)
    t.start()
    last = lambda name: ([(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == name] or [None])[-1]
    assert t.until(lambda: all(last(n) for n in ("rings", "answers", "busy", "strict", "swallows")), 10)
    assert t.until(lambda: rings.received("CANCEL") >= 2 and answers.received("BYE") >= 2, 10)
    assert [last(n) for n in ("rings", "answers", "busy", "strict", "swallows")] == [("UP", "probed")] * 3 + [("DOWN", "options_486"), ("DOWN", "options_timeout")]
    first = answers.first("INVITE")
    assert first.uri.startswith("sip:%s@" % ECHO) and "<sip:ping@edge.example>" in first["From"] and "<sip:ping@192.0.2.7>" in first["Contact"]
    assert "m=audio 9 RTP/AVP 8 0" in first.body and "a=inactive" in first.body
    assert answers.received("ACK") >= answers.received("BYE") >= 2
    # each of its INVITEs was one transaction, and ended
    assert len({m["Call-ID"] for m in rings.got("CANCEL")}) >= len({m["Call-ID"] for m in rings.got("INVITE")}) - 1
    assert rings.received("ACK") >= 1, "the 487 was not acknowledged"
    assert not busy.received("CANCEL") and strict.received("ACK") >= 3
    assert t.figures()["counters"]["calls_in"] == 0 and t.media("sessions") == 0
    t.cdrs = 0


def ring(raw, m):
    raw.reply(m, 100)
    raw.reply(m, 180)


def cancelled(raw, m):
    raw.reply(m, 200)
    raw.reply(m, 487, method="INVITE")
