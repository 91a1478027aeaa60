# SPDX-License-Identifier: MIT
"""late_busy (A155): a carrier given up for its silence says 486 after all: its ACK has the Via of its INVITE (RFC 3261 17.1.1.3), so that the carrier knows it, and the call that
another one answered goes on."""


def scenario(t):
    ca = t.silent("ca", {"INVITE": asked, "OPTIONS": 200}, timers={"first_response": "400ms"})
    cb = t.carrier("cb", answer())
    t.caller(call(talk=0.5))
    t.run()
    assert t.until(lambda: ca.received("ACK") == 1, 3), ca.messages()
    assert ca.first("ACK")["Via"] == ca.first("INVITE")["Via"] and ca.first("ACK")["To"].endswith(";tag=raw"), ca.first("ACK").text
    assert cb.received("BYE") == 1


def asked(ca, m):
    if ca.received("INVITE") == 1 and not hasattr(ca, "told"):
        ca.told = True
        ca.later(0.8, lambda: ca.reply(m, 486))


def after(t):
    t.heard("cb", 10)
