# SPDX-License-Identifier: MIT
"""tcp_lost_ringing (A73): the carrier's TCP connection breaks while the phone rings there, in order or by a reset. That is no outcome (RFC 3261 18.2.2): nobody else is called,
kedge opens the connection again, and the answer is taken from there or from one that the carrier opens."""


def scenario(t):
    ca = t.stream("ca", {"INVITE": rings, "OPTIONS": answers, "BYE": 200})
    cb = t.carrier("cb", answer())
    steps = [invite(), recv(100, optional=True), recv(180), recv(200), ack(), pause(0.3), bye(), recv(200)]
    pbx = t.caller(steps, numbers=["+44207183%d" % n for n in (0, 1, 2, 3)], limit=1)
    ca.kedge = t.kedge_at(2)
    t.run()
    assert ca.received("INVITE") == 4 and cb.received("INVITE") == 0 and pbx.received("200 INVITE") == 4
    assert ca.received("ACK") == 4 and ca.received("BYE") == 4
    t.audio_strict = False


def rings(ca, m):
    """0, 1: by FIN and by RST, answered on the carrier's own connection. 2, 3: on the one that kedge opens to ask whether it lives."""
    n = int(m.uri.split("@")[0][-1])
    ca.reply(m, 180)
    ca.later(0.15, lambda: ca.drop(m.source, reset=n % 2 == 1))
    if n < 2:
        ca.later(0.6, lambda: ca.reply(m, 200, sdp=True, to=ca.connect(ca.kedge)))
    else:
        ca.waits = m


def answers(ca, m):
    ca.reply(m, 200)
    waits, ca.waits = getattr(ca, "waits", None), None
    if waits and waits.source not in ca.links:
        ca.later(0.1, lambda: ca.reply(waits, 200, sdp=True, to=m.source))
    elif waits:
        ca.waits = waits


def after(t):
    lost = t.told("call.path_lost", 4)
    assert len(lost) == 4 and {e["code"] for e in lost} == {180}, lost
