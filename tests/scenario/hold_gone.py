# SPDX-License-Identifier: MIT
"""hold_gone: the carrier answers a hold with 481, as a node that was restarted does. Its signaling counts as dead: the PBX gets 200 from kedge for the hold and for the
resume, the audio goes on both ways, packet by packet, and the BYE at the end goes to that hop all the same. When the carrier's audio ends as well, the call does, and
the record says so."""

HOLD, RESUME = {"direction": "sendonly", "version": 2}, {"version": 3}


def again(sdp):
    return [invite(sdp=sdp), recv(100, optional=True), recv(200, rtp=False), ack()]


def scenario(t):
    t.top = {"media": {"media_dead": "600ms"}}
    gone = answer()[:-2] + [recv("INVITE"), send(481), recv("ACK")]
    ca = t.carrier("ca", {"111": gone + [recv("BYE"), send(481)], "222": gone + [pause(1), quiet(), recv("BYE"), send(481)]})
    one = t.caller(call(talk=0.3)[:-2] + again(HOLD) + [pause(0.2)] + again(RESUME) + [pause(1.5)] + hangup(), numbers=["+44111"], host=1)
    two = t.caller(call(talk=0.3)[:-2] + again(HOLD) + [pause(0.2)] + again(RESUME) + [recv("BYE", timeout_ms=8000), send(200)], numbers=["+44222"], host=2)
    t.allow_audio = ("lost", "ts")
    t.run()
    for pbx in (one, two):
        sent, got = pbx.sent("INVITE"), pbx.got("200 INVITE")
        assert len(got) == 3 and t.gap(sent[1], got[1]) < 0.3, "the hold waited %.3f s" % t.gap(sent[1], got[1])
    assert one.received("BYE") == 0 and ca.received("BYE") == 2
    assert len(t.told("call.headless", 2)) == 2
    silent = {(e["end"], e["trunk"]) for e in t.told("media.silent")}
    assert ("callee", "ca") in silent, silent
    assert t.until(lambda: len(t.cdr()) == 2, 5)
    ended = {r["dst"]: (r["hangup_cause"], r["ended_by"]) for r in t.cdr()}
    assert ended["+44111"] == ("normal_clearing", "caller") and ended["+44222"] == ("carrier_gone", "kedge"), ended
    assert "Q.850;cause=38" in two.first("BYE")["Reason"]


def after(t):
    for end in t.heard("ca", 60):
        assert end["lost"] == end["ts"] == 0, "the carrier lost audio of the PBX"
    assert t.heard("caller1", 75)[0]["heard"] < 200
