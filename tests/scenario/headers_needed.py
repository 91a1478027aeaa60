# SPDX-License-Identifier: MIT
"""headers_needed (A133): the second carrier refuses whoever carries the first one's header and has no identity. The profile for it passes."""


def scenario(t):
    ca = t.carrier("ca", refuse(503), headers={"set": ["X-Provider: Primary"]})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": picky, "BYE": 200}, headers={"pai": "set"})
    t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.2), bye(), recv(200)], user="+442071830000")
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1
    assert not cb.sent(403)
    t.audio_strict = False


def picky(cb, m):
    if m["X-Provider"] or not m["P-Asserted-Identity"]:
        cb.reply(m, 403)
    else:
        cb.reply(m, 100)
        cb.reply(m, 200, sdp=True)
