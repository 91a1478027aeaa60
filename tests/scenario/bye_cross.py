# SPDX-License-Identifier: MIT
"""bye_cross: both hang up at once: the carrier's BYE crosses kedge's. Each gets its 200, one record, nothing is left."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": takes, "BYE": crosses})
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.3), bye(), recv(200)])
    t.run()
    assert t.until(lambda: ca.received("200 BYE") == 1, 2), ca.messages()
    assert ca.received("BYE") == 1 and pbx.received("BYE") == 0
    t.audio_strict = False


def takes(ca, m):
    ca.call = m
    ca.reply(m, 200, sdp=True)


def crosses(ca, m):
    if not ca.sent("BYE"):
        ca.say(ca.follow(ca.call, "BYE", 1), m.source)
    ca.later(0.1, lambda: ca.reply(m, 200))
