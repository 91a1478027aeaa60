# SPDX-License-Identifier: MIT
"""hold_by_callee: the carrier holds and resumes; a re-INVITE without a body is answered with an offer."""
import re


def scenario(t):
    mine = []
    for version, direction in ((2, "sendonly"), (3, "sendrecv")):
        mine += [pause(0.3), invite(sdp={"direction": direction, "version": version}), recv(100, optional=True), recv(200, rtp=False), ack()]
    ca = t.carrier("ca", answer()[:-2] + mine + [recv("BYE"), send(200)])
    theirs = []
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        theirs += [recv("INVITE"), send(200, sdp={"direction": direction, "version": version}, speak=False), recv("ACK")]
    pbx = t.caller(call()[:-3] + theirs + [pause(0.4)] + hangup())
    t.audio_strict = False
    t.run()
    held = pbx.got("INVITE")
    assert "a=sendonly" in held[0].body and "a=sendonly" not in held[-1].body
    assert all(t.ip(3) in m.body for m in held)
    versions = [int(re.search(r"o=- \d+ (\d+)", m.body).group(1)) for m in [pbx.first("200 INVITE")] + held]
    assert versions == sorted(set(versions)), versions
    answers = ca.got("200 INVITE")
    assert "a=recvonly" in answers[0].body and t.ip(4) in answers[0].body


def after(t):
    t.heard("ca", 20)
