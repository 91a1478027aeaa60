# SPDX-License-Identifier: MIT
"""timers_short (A110): every timer but the user's own stands at its least, and the carrier, once it rings, answers no probe any more. The phone rings for 5 s, is answered, and
speaks: nothing cut it short, nothing else was tried."""

LEAST = {"timers": {"first_response": "200ms", "connect": "100ms", "progress": "1s", "progress_failover": "1s", "ring": "10s"},
         "probe": {"interval": "1s", "timeout": "100ms", "confirm": "50ms", "down_interval": "1s"}, "breaker": {"open": "1s"}}


def scenario(t):
    t.top = {"media": {"media_dead": "200ms", "orphan_after": "1s"}, "sip": {"t1": "50ms", "t2": "100ms", "t4": "100ms"}}
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "BYE": 200}, **LEAST)
    cb = t.carrier("cb", answer(), **LEAST)
    pbx = t.caller([invite(), recv(100, optional=True), recv(180), recv(200), ack(), pause(0.5), bye(), recv(200)])
    t.run()
    assert t.gap(pbx.first(180), pbx.first("200 INVITE")) > 4.9
    assert ca.received("CANCEL") == 0 and cb.received("INVITE") == 0 and ca.received("BYE") == 1
    t.audio_strict = False


def rings(ca, m):
    if ca.sent(180):
        return
    ca.answers.pop("OPTIONS")
    ca.reply(m, 180)
    ca.later(5, lambda: ca.reply(m, 200, sdp=True))
