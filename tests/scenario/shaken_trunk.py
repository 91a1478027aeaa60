# SPDX-License-Identifier: MIT
"""shaken_trunk (A105 A141): a stage holds every other packet of the primary's back by 60 ms, so that others overtake it. CDR, `kedge calls`, `kedge trunks` and /metrics tell the
jitter that the stage applied, by the times its packets left at, within 5 %, and the packets that came late to the packet; none is lost. The primary is DEGRADED by jitter with the
figure, new calls prefer the secondary; ten calls that come evenly bring it back. Time does not run faster: audio does not either."""
import json
import time

import exposition

CALLS, HOLD = 12, 60


def near(said, applied, what):
    assert abs(said - applied) <= 0.05 * applied, "%s: %.2f, the stage applied %.2f" % (what, said, applied)


def scenario(t):
    t.audio_strict = False
    t.carrier("ca", answer(), degraded_jitter="50ms")
    t.carrier("cb", answer(), degraded_jitter="50ms")
    t.profiles = {"both": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "alone": {"targets": [{"trunk": "ca"}]}}
    t.routes = [{"name": "both", "from": "pbx1", "prefix": "+441", "profile": "both"}, {"name": "alone", "from": "pbx1", "prefix": "+442", "profile": "alone"}]
    t.start()
    state = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]  # noqa: E731
    t.rtps["ca"].tell("shake %d" % HOLD)
    t.caller(call(talk=6), numbers=["+441%07d" % i for i in range(CALLS)], rate=50, name="shaken")
    flows = lambda: [c["rtp_out"] for c in json.loads(t.verb("calls", "--json"))["calls"]]  # noqa: E731
    assert t.until(lambda: len(flows()) == CALLS and min(f["packets"] for f in flows()) > 200, 15), flows()
    t.rtps["ca"].tell("stop all")  # what is held back still comes
    time.sleep(0.7)  # and is told within half a second
    t.live = flows()
    assert t.until(lambda: len(t.cdr()) == CALLS, 15)
    assert t.until(lambda: state()[0] == "DEGRADED", 3), state()
    t.state, t.metrics, t.board = state(), exposition.Text(t.ask("/metrics")), t.trunk_now("ca")
    t.caller(call(talk=0.3), numbers=["+4419999999"], host=3, name="prefers")
    assert t.until(lambda: len(t.cdr()) == CALLS + 1, 10)
    assert t.cdr()[-1]["trunk"] == "cb"
    t.rtps["ca"].tell("report")
    t.rtps["ca"].tell("shake 0")
    t.caller(call(talk=1.6), numbers=["+442%07d" % i for i in range(CALLS)], rate=50, host=4, name="even")
    assert t.until(lambda: state() == ("UP", "cleared"), 15), state()
    t.run()


def after(t):
    """Ends 1 to CALLS of the primary were the shaken calls; what they did stands in the report that was asked for then."""
    ends = {e["call"]: e for e in t.rtps["ca"].reports[-1]["ends"]}
    heard = {e["call"]: e for e in t.rtps["shaken"].ends()}
    records = {r["dst"]: r["media"]["out"] for r in t.cdr() if r["dst"].startswith("+441") and r["trunk"] == "ca"}
    assert len(records) == CALLS == len(ends), (len(records), len(ends))
    for number, said in records.items():
        call = int(number[-7:])
        did, came = ends[call]["applied"], heard[call]
        near(said["jitter_ms"], did["jitter_ms"], "CDR of " + number)
        assert did["jitter_ms"] > 0.8 * HOLD and did["overtaken"] > 80, did
        assert (said["packets"], said["lost"], said["late"]) == (ends[call]["sent"], 0, did["overtaken"]), (said, ends[call])
        assert (came["lost"], came["doubled"], came["corrupt"], came["reordered"]) == (0, 0, 0, did["overtaken"]), (came, did)
    applied = sum(e["applied"]["jitter_ms"] for e in ends.values()) / CALLS
    near(sum(c["jitter_mean_ms"] for c in t.live) / CALLS, applied, "kedge calls, mean")
    near(sum(c["jitter_ms"] for c in t.live), sum(e["applied"]["jitter_last_ms"] for e in ends.values()), "kedge calls, J")
    assert [sum(c[what] for c in t.live) for what in ("packets", "lost", "late")] == [sum(r[what] for r in records.values()) for what in ("packets", "lost", "late")], t.live
    near(t.metrics.value("kedge_media_jitter_seconds_sum", trunk="ca") * 1000 / t.metrics.value("kedge_media_jitter_seconds_count", trunk="ca"), applied, "/metrics")
    near(t.board["jitter_ms"], applied, "kedge trunks")
    word, ms = t.state[1].split(":")
    assert word == "jitter", t.state
    near(int(ms), applied, "the state's reason")
