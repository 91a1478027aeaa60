# SPDX-License-Identifier: MIT
"""hold_503 (A130): the carrier answers a hold with 503. The PBX gets its 200 from kedge, the audio it sends goes on without a lost packet, nobody gets a BYE; the carrier is
asked again after its Retry-After and takes it then. On the second call the PBX resumes before that: the carrier is not asked again."""

HOLD, RESUME = {"direction": "sendonly", "version": 2}, {"version": 3}


def again(sdp):
    return [invite(sdp=sdp), recv(100, optional=True), recv(200, rtp=False), ack()]


def scenario(t):
    refused = [recv("INVITE"), send(503, headers=["Retry-After: 1"]), recv("ACK")]
    ca = t.carrier("ca", {"111": answer()[:-2] + refused + [recv("INVITE"), send(200, sdp={"direction": "recvonly", "version": 2}, speak=False), recv("ACK"),
                                                           recv("INVITE"), send(200, sdp={"version": 3}, speak=False), recv("ACK"), recv("BYE"), send(200)],
                          "222": answer()[:-2] + refused + [recv("BYE"), send(200)]})
    one = t.caller(call(talk=0.3)[:-2] + again(HOLD) + [pause(1.6)] + again(RESUME) + [pause(0.4)] + hangup(), numbers=["+44111"], host=1)
    two = t.caller(call(talk=0.3)[:-2] + again(HOLD) + [pause(0.3)] + again(RESUME) + [pause(1.5)] + hangup(), numbers=["+44222"], host=2)
    t.allow_audio = ("lost", "ts")  # what the carrier said into the hold is dropped
    t.run()
    for pbx in (one, two):
        sent, got = pbx.sent("INVITE"), [m for m in pbx.got("200 INVITE")]
        assert len(got) == 3 and t.gap(sent[1], got[1]) < 0.3, "the hold waited %.3f s" % t.gap(sent[1], got[1])
        assert "a=recvonly" in got[1].body and "a=recvonly" not in got[2].body and pbx.received("BYE") == 0
    asked = [m for m in ca.got("INVITE") if "+44111" in m["To"]]
    assert len({m["CSeq"] for m in asked}) == 4, asked
    assert ["a=sendonly" in m.body for m in asked] == [False, True, True, False], [m.body for m in asked]
    assert 0.9 < t.gap(ca.sent(503)[0], asked[2]) < 3, t.gap(ca.sent(503)[0], asked[2])
    assert len({m["CSeq"] for m in ca.got("INVITE") if "+44222" in m["To"]}) == 2, "asked again for nothing"
    assert ca.received("BYE") == 2


def after(t):
    for end in t.heard("ca", 60):
        assert end["lost"] == end["ts"] == 0, "the carrier lost audio of the PBX"
    t.heard("caller1", 20)
    t.heard("caller2", 60)
