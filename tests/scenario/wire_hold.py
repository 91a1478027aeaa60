# SPDX-License-Identifier: MIT
"""wire_hold: over UDP or TCP, IPv4 or IPv6, the PBX holds (a=sendonly, inactive, and the old way by c=0.0.0.0 or ::) and resumes. The carrier sees kedge's own address, one port, one o=
line whose version moves by one each time; the PBX gets the answer that fits; the audio is whole again afterwards."""
import re

STEPS = [("sendonly", None, "sendonly", "recvonly"), ("inactive", None, "inactive", "inactive"), ("sendrecv", "any", "sendonly", "recvonly"),
         ("sendrecv", None, "sendrecv", "sendrecv")]


def scenario(t):
    theirs, ours = [], []
    for i, (said, connection, heard, answered) in enumerate(STEPS):
        sdp = {"direction": said, "version": i + 2}
        if connection:
            sdp["connection"] = "::" if t.v6 else "0.0.0.0"
        ours += [quiet(), pause(0.1), invite(sdp=sdp), recv(100, optional=True), recv(200, rtp=heard == "sendrecv"), ack(), pause(0.2)]
        theirs += [recv("INVITE"), send(200, sdp={"direction": answered, "version": i + 2}, speak=heard == "sendrecv"), recv("ACK")]
    ca = t.carrier("ca", answer()[:-2] + theirs + [recv("BYE"), send(200)])
    pbx = t.caller(call(talk=0.5)[:-2] + ours + [pause(0.5)] + hangup())
    t.audio_strict = False  # both sides fall silent in turn
    t.run()
    offers = sorted(ca.got("INVITE"), key=lambda m: int(m["CSeq"].split()[0]))
    offers = [m for i, m in enumerate(offers) if i == 0 or m["CSeq"] != offers[i - 1]["CSeq"]]
    check(offers, [heard for _, _, heard, _ in STEPS], t, 4)
    answers = {m["CSeq"]: m for m in pbx.got("200 INVITE")}
    check([answers[c] for c in sorted(answers, key=lambda c: int(c.split()[0]))], [answered for _, _, _, answered in STEPS], t, 3)
    assert len({m.to_tag for m in answers.values()}) == 1 and len({m["Contact"] for m in answers.values()}) == 1


def check(bodies, directions, t, net):
    ip, v = t.ip(net), 6 if t.v6 else 4
    assert len(bodies) == len(directions) + 1, bodies
    origin = [re.search(r"o=- (\d+) (\d+) IN IP%d (\S+)" % v, m.body).groups() for m in bodies]
    assert len({o[0] for o in origin}) == 1 and {o[2] for o in origin} == {ip}, origin
    assert [int(o[1]) for o in origin] == list(range(int(origin[0][1]), int(origin[0][1]) + len(bodies))), origin
    assert len({re.search(r"m=audio (\d+) ", m.body).group(1) for m in bodies}) == 1
    for m, direction in zip(bodies[1:], directions):
        assert "c=IN IP%d %s\n" % (v, ip) in m.body.replace("\r", ""), m.body
        assert ("a=%s" % direction in m.body) or direction == "sendrecv", m.body
        assert all("a=%s" % d not in m.body for d in ("sendonly", "recvonly", "inactive") if d != direction), m.body


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
