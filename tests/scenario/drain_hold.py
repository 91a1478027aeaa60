# SPDX-License-Identifier: MIT
"""drain_hold (A57): a trunk is drained, then down, under a call that is up: hold and resume still pass to the carrier, the audio flows, the caller ends it. Meanwhile no INVITE
of a new call goes there. KEDGE_LONG: for 60 s."""
import os

TALK = 25 if os.environ.get("KEDGE_LONG") else 1.5


def scenario(t):
    holds, held = [], []
    for version, direction, answered in ((2, "sendonly", "recvonly"), (3, "sendrecv", "sendrecv")):
        holds += [pause(TALK), invite(sdp={"direction": direction, "version": version}), recv(100, optional=True), recv(200, rtp=False), ack()]
        held += [recv("INVITE"), send(200, sdp={"direction": answered, "version": version}, speak=False), recv("ACK")]
    ca = t.carrier("ca", answer()[:-2] + held + [recv("BYE"), send(200)])
    cb = t.carrier("cb", answer())
    t.audio_strict = False
    long = t.caller(call()[:-3] + holds + [pause(TALK)] + hangup())
    assert t.until(lambda: len(long.got("200 INVITE")) == 1, 5)
    t.verb("trunk", "ca", "drain", "--reason", "card swap")
    assert t.caller(call(talk=0.1), host=2).wait(10) == 0
    t.verb("trunk", "ca", "down")
    assert t.caller(call(talk=0.1), host=3).wait(10) == 0
    assert cb.received("INVITE") == 2
    assert long.wait(120) == 0, long.errors()
    bodies = [m.body for m in ca.got("INVITE")]
    assert len(bodies) == 3 and "a=sendonly" in bodies[1] and "a=sendonly" not in bodies[2], bodies
    assert ca.received("BYE") == 1 and cb.received("INVITE") == 2


def after(t):
    t.heard("ca", int(TALK * 50))
