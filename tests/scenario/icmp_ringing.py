# SPDX-License-Identifier: MIT
"""icmp_ringing: while a phone rings behind the carrier its SIP port closes: another call's INVITE there is refused by ICMP and moves on, but the call that rings is not
lost with it; back again, the carrier answers it."""


def scenario(t):
    ca = t.silent("ca", {"INVITE": rings, "OPTIONS": 200, "BYE": 200})
    cb = t.carrier("cb", answer())
    steps = [invite(), recv(100, optional=True), recv(180), recv(200), ack(), pause(0.3), bye(), recv(200)]
    pbx = t.caller(steps, numbers=["+442071830"])
    assert t.until(lambda: pbx.received(180) and ca.is_away, 5)
    t.caller(steps, numbers=["+442071831"], host=2)
    assert t.until(lambda: cb.received("INVITE") == 1 and t.events("call.path_lost"), 5)
    ca.back()
    ca.reply(ca.ringing, 200, sdp=True)
    t.run()
    assert ca.received("INVITE") == 1 and ca.received("ACK") == 1 and ca.received("BYE") == 1 and cb.received("BYE") == 1
    t.audio_strict = False


def rings(ca, m):
    ca.ringing, ca.is_away = m, False
    ca.reply(m, 180)
    ca.later(0.1, lambda: (ca.away(), setattr(ca, "is_away", True)))


def after(t):
    assert {d["attempts"][-1]["trunk"]: len(d["attempts"]) for d in t.decisions()} == {"ca": 1, "cb": 2}, t.decisions()
