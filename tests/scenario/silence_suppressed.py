# SPDX-License-Identifier: MIT
"""silence_suppressed (A99): three callees say nothing for five seconds. One said comfort noise first (RFC 3389, PT 13) and never sends RTCP; one says so by its RTCP alone; of
one nothing comes at all. The noise passes to the caller, as packet and in the SDP, none of the first two is taken for dead and their gap is none; the third is, by media_dead, though it
speaks again. Its
caller hears kedge's own noise meanwhile. Each is heard again on one line. Time does not run faster: audio does not either."""
import re
import time

CN = dict(pts=[0, 13])
GAP = 5.0

def scenario(t):
    t.audio_strict = False
    steps = answer()
    steps[-4] = send(200, sdp=CN)
    t.carrier("ca", steps, min_call_duration="0s")
    t.carrier("cb", steps, min_call_duration="0s")
    t.profiles = {n: {"targets": [{"trunk": n}]} for n in ("ca", "cb")}
    t.routes = [{"name": n, "from": "pbx1", "prefix": p, "profile": n} for n, p in (("ca", "+441"), ("cb", "+442"))]
    t.start()
    t.rtps["cb"].tell("rtcp 0")
    said = lambda: [e for e in t.events("media.one_way") if e["end"] == "callee"]  # noqa: E731
    begin = [invite(sdp=CN), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(9)] + hangup()
    for number in ("+442000001", "+441000002", "+441000003"):
        t.caller(begin, numbers=[number], host=int(number[-1]), name="c" + number[-1])
        assert t.until(lambda: t.peers["ca"].received("ACK") + t.peers["cb"].received("ACK") == int(number[-1]), 5)
    t.until(lambda: False, 0.5)
    # A probe is a call to SIPp and has an end too: theirs are those of their ports.
    t.theirs = []
    for name in ("cb", "ca"):
        ports = [int(re.search(r"m=audio (\d+)", m.body).group(1)) for m in t.peers[name].sent("200 INVITE")]
        t.theirs += [(name, 1 + (port - t.peers[name].at.rtp_port) // 4) for port in dict.fromkeys(ports)]
    assert len(t.theirs) == 3, t.theirs
    for order, (name, end) in zip(("noise", "pause", "stop"), t.theirs):
        t.rtps[name].tell("%s %d" % (order, end))
    begun = time.monotonic()
    t.until(lambda: False, GAP)
    t.gap_ms = 1000 * (time.monotonic() - begun)
    for name, end in t.theirs:
        t.rtps[name].tell("speak %d" % end)
    t.run()
    assert t.until(lambda: len(t.cdr()) == 3, 5)
    assert len(said()) == 1 and int(said()[0]["silent_ms"]) == 3000, said()
    t.quiet = said()[0]["call"]

def after(t):
    flows = {r["dst"][-1]: r["media"]["out"] for r in t.cdr()}
    silent = [r["dst"][-1] for r in t.cdr() if r["call"] == t.quiet]
    assert silent == ["3"], silent
    for n, f in flows.items():
        assert f["lost"] == 0 and not f["one_way"], (n, f)
        # A gap that was meant is none; of the one without a word it is, though it began again with a talk spurt.
        assert abs(f["max_gap_ms"] - t.gap_ms) <= 0.05 * t.gap_ms if n == "3" else f["max_gap_ms"] < 1500, (n, f, t.gap_ms)
    sent = {1 + t.theirs.index((name, e["end"])): e for name in ("ca", "cb") for e in t.rtps[name].ends()}
    assert [sent[i]["noise_sent"] for i in (1, 2, 3)] == [1, 0, 0], sent
    for i in (1, 2, 3):
        heard, = t.rtps["c%d" % i].ends()
        assert heard["faults"] == 0 and heard["heard"] == sent[i]["sent"] - sent[i]["noise_sent"], (i, heard, sent[i])
        assert heard["noise"] in {1: range(1, 2), 2: range(1), 3: range(3, 20)}[i], heard
    assert "13" in t.peers["ca"].first("INVITE").body.split("m=audio ")[1].split("\r\n")[0].split()
    assert "13" in t.peers["c1"].first("200 INVITE").body.split("m=audio ")[1].split("\r\n")[0].split()
