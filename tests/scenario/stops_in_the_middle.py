# SPDX-License-Identifier: MIT
"""stops_in_the_middle: SIGTERM while the last carrier owes an answer to a BYE, and another one to a CANCEL. kedge ends cleanly, both calls have their record."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200 if m.uri.startswith("sip:+441") else 100, sdp=True)})
    t.caller([invite(), recv(100, optional=True), recv(200), ack(), pause(0.2), bye(rtp=False), recv(200)], numbers=["+441"])
    t.caller([invite(), recv(100), pause(0.3), cancel(), recv(200), recv(487), ack()], numbers=["+442"])
    t.audio_strict = False
    t.run()
    assert t.until(lambda: ca.got("BYE") and ca.got("CANCEL"), 3)
    t.cdrs = 1  # so far
    t.settle = lambda: t.until(lambda: t.cdr(), 3)  # idle it will not be


def after(t):
    assert sorted(r["disposition"] for r in t.cdr()) == ["ANSWERED", "CANCELLED"], t.cdr()
