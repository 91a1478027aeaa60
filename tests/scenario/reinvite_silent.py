# SPDX-License-Identifier: MIT
"""reinvite_silent: the carrier never answers a re-INVITE. The PBX's hold gets its 200 from kedge after 2 s, and so does its resume; after timer B (32 s, here
4) the carrier's signaling counts as dead, the call goes on without it, and the audio never stops: not a packet of it is lost. A re-INVITE that changes nothing is answered
at once. The BYE ends both."""


def scenario(t):
    t.time_scale = 8
    ca = t.carrier("ca", answer()[:-2] + [recv("INVITE"), pause(6), recv("BYE"), send(200)])
    pbx = t.caller(call(talk=0.3)[:-2] + [invite(sdp={"version": 2}), recv(200, rtp=False), ack(), pause(0.2),
                                          invite(sdp={"direction": "sendonly", "version": 3}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.3),
                                          invite(sdp={"version": 4}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(5),
                                          invite(sdp={"version": 5}), recv(200, rtp=False), ack(), pause(0.2)] + hangup())
    t.allow_audio = ("lost", "ts")  # what the carrier said into the hold is dropped
    t.run()
    assert pbx.received("200 INVITE") == 5 and ca.received("BYE") == 1 and pbx.received("BYE") == 0
    sent = pbx.sent("INVITE")
    got = sorted({m["CSeq"]: m for m in reversed(pbx.got("200 INVITE"))}.values(), key=lambda m: m.when)
    assert t.gap(sent[1], got[1]) < 0.1, "nothing changed: at once"
    assert 0.2 < t.gap(sent[2], got[2]) < 2, "2 s are 0.25 here"
    assert "a=recvonly" in got[2].body and "a=recvonly" not in got[3].body
    headless = t.told("call.headless")
    assert len(headless) == 1 and headless[0]["trunk"] == "ca", headless


def after(t):
    t.heard("caller1", 250)
    ends = t.heard("ca", 280)
    assert ends[0]["lost"] == ends[0]["ts"] == 0, "the carrier lost audio of the PBX"
