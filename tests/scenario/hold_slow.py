# SPDX-License-Identifier: MIT
"""hold_slow: the carrier takes 3 s for a hold: the PBX has its 200 after 2. On the first call nothing more happens until the carrier's own comes, and then the resume
is passed on. On the second call the PBX resumes before that: once the carrier has taken the hold, it is told that it is over."""

HOLD, RESUME = {"direction": "sendonly", "version": 2}, {"version": 3}


def again(sdp):
    return [invite(sdp=sdp), recv(100, optional=True), recv(200, rtp=False), ack()]


def scenario(t):
    slow = [recv("INVITE"), send(100), pause(3), send(200, sdp={"direction": "recvonly", "version": 2}, speak=False), recv("ACK"),
            recv("INVITE"), send(200, sdp={"version": 3}, speak=False), recv("ACK"), recv("BYE"), send(200)]
    ca = t.carrier("ca", answer()[:-2] + slow)
    one = t.caller(call(talk=0.2)[:-2] + again(HOLD) + [pause(1.8)] + again(RESUME) + [pause(0.4)] + hangup(), numbers=["+44111"], host=1)
    two = t.caller(call(talk=0.2)[:-2] + again(HOLD) + again(RESUME) + [pause(2)] + hangup(), numbers=["+44222"], host=2)
    t.allow_audio = ("lost", "ts")
    t.run()
    for pbx, number in ((one, "+44111"), (two, "+44222")):
        sent, got = pbx.sent("INVITE"), pbx.got("200 INVITE")
        assert len(got) == 3 and 1.9 < t.gap(sent[1], got[1]) < 2.9, t.gap(sent[1], got[1])
        assert pbx.received("INVITE") == 0
        asked = [m for i, m in enumerate(ca.got("INVITE")) if number in m["To"]]
        asked = [m for i, m in enumerate(asked) if m["CSeq"] not in [x["CSeq"] for x in asked[:i]]]
        assert ["a=sendonly" in m.body for m in asked] == [False, True, False], [m.body for m in asked]
    assert ca.received("BYE") == 2


def after(t):
    for end in t.heard("ca", 100):
        assert end["lost"] == end["ts"] == 0, "the carrier lost audio of the PBX"
