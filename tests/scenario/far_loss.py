# SPDX-License-Identifier: MIT
"""far_loss (A105 A141): what comes from the primary is whole, and eight of a hundred packets never reach its end, as the reports of that end say (RFC 3550 6.4.1). CDR and `kedge
calls` count what it missed; after ten calls it is DEGRADED by far_loss with the figure, and new calls prefer the secondary; ten calls that arrive bring it back."""
import json

CALLS = 12


def scenario(t):
    t.audio_strict = False
    t.carrier("ca", answer())
    t.carrier("cb", answer())
    t.profiles = {"both": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "alone": {"targets": [{"trunk": "ca"}]}}
    t.routes = [{"name": "both", "from": "pbx1", "prefix": "+441", "profile": "both"}, {"name": "alone", "from": "pbx1", "prefix": "+442", "profile": "alone"}]
    t.start()
    state = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]  # noqa: E731
    t.rtps["ca"].tell("miss 8")
    steps = call(talk=2.5)
    steps[-2:] = [quiet(), pause(0.5)] + hangup()  # its last report tells everything
    t.caller(steps, numbers=["+441%07d" % i for i in range(CALLS)], rate=50, name="missed")
    t.live = []
    assert t.until(lambda: t.live.extend(json.loads(t.verb("calls", "--json"))["calls"]) or any(c["rtp_out"]["far_lost"] > 4 for c in t.live), 10), t.live
    assert t.until(lambda: len(t.cdr()) == CALLS, 15)
    assert t.until(lambda: state()[0] == "DEGRADED", 3), state()
    assert state()[1] in ("far_loss:7", "far_loss:8"), state()
    assert "far_loss" in t.verb("health", ok=False) and "lost on the way there" in t.verb("trunks"), t.verb("trunks")
    t.rtps["ca"].tell("report")
    t.rtps["ca"].tell("miss 0")
    t.caller(call(talk=0.3), numbers=["+4419999999"], host=3, name="prefers")
    assert t.until(lambda: len(t.cdr()) == CALLS + 1, 10)
    assert t.cdr()[-1]["trunk"] == "cb"
    t.rtps["ca"].tell("miss 1")
    t.caller(call(talk=1.6), numbers=["+442%07d" % i for i in range(CALLS)], rate=50, host=4, name="good")
    assert t.until(lambda: state() == ("UP", "cleared"), 15), state()
    t.run()


def after(t):
    missed = {e["call"]: e["missed"] for e in t.rtps["ca"].reports[-1]["ends"]}
    for r in t.cdr():
        if r["trunk"] == "ca" and r["dst"].startswith("+441"):
            assert r["media"]["out"]["lost"] == 0, r["media"]
            said, was = r["media"]["out"]["far_lost"], missed[int(r["dst"][-7:])]
            assert was > 6 and said == was, "%s: %d of its packets never reached the end, the record says %d" % (r["dst"], was, said)
