# SPDX-License-Identifier: MIT
"""mute_phone (A97 A105): a phone that never speaks is no mute trunk: while others are heard through the primary it keeps its place, however often that phone is called; nor is a call
held against it whose caller is silent too. A second number without a packet makes it DEGRADED, and the event says of which evidence. /metrics has the figures. Time runs five times faster."""
import exposition

MUTE = [recv("INVITE"), send(180), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)]
TALK = 1.2  # twice media_dead


def scenario(t):
    t.time_scale = 5
    t.audio_strict = False
    t.carrier("ca", {"9": MUTE, "": answer()}, min_call_duration="0s")
    t.carrier("cb", answer())
    t.targets = ["ca", "cb"]
    t.start()
    state = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]
    mutes = lambda: [e for e in t.events("media.one_way") if e["trunk"] == "ca" and e["end"] == "callee"]
    ran = 0
    LONG = ["+44100000%d" % i for i in range(3)]

    def play(steps, numbers):
        nonlocal ran
        t.caller(steps, numbers=numbers, host=1 + ran % 20, rate=5)
        ran += len(numbers)
        assert t.until(lambda: len([r for r in t.cdr() if r["dst"] not in LONG]) == ran, 20)

    t.caller(call(talk=4), numbers=LONG, host=30, name="long")  # up all the while
    assert t.until(lambda: t.peers["ca"].received("ACK") == 3, 5)
    for i in range(2):
        play(call(talk=TALK), ["+441000019"])
        assert len(mutes()) == 1 + i and state()[0] == "UP", (mutes(), state())
    play([invite(), recv(100, optional=True), recv(180), recv(200), ack(), quiet(), pause(TALK)] + hangup(), ["+441000029"])
    assert len(mutes()) == 2 and state()[0] == "UP", (mutes(), state())
    play(call(talk=TALK), ["+441000039"])
    assert t.until(lambda: state() == ("DEGRADED", "one_way"), 3), state()
    assert mutes()[-1]["packets"] in (0, "0") and int(mutes()[-1]["other"]) > 15, mutes()[-1]
    told = [e for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]
    assert "two of its last ten calls" in told["evidence"], told
    play(call(talk=TALK), ["+441000050"])
    assert sorted((r["dst"], r["trunk"]) for r in t.cdr())[-1] == ("+441000050", "cb") and [r["trunk"] for r in t.cdr()].count("ca") == 7
    text = exposition.Text(t.ask("/metrics"))
    assert not text.faults, text.faults
    assert text.value("kedge_media_oneway_sessions_total", trunk="ca") == 3
    assert text.value("kedge_media_lost_packets_total", trunk="ca") == 0
    assert text.value("kedge_media_mos_score_count", trunk="ca") == 3 and text.value("kedge_media_mos_score_sum", trunk="ca") > 3 * 4.2
    assert text.value("kedge_media_jitter_seconds_count", trunk="ca") == 3 and text.value("kedge_media_mos_score_count", trunk="cb") == 1
    heard = {r["dst"]: r["media"]["out"]["mos"] for r in t.cdr()}
    assert heard["+441000019"] is None and heard["+441000000"] > 4.2, heard
    t.run()
