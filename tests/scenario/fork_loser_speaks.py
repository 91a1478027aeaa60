# SPDX-License-Identifier: MIT
"""fork_loser_speaks: two phones behind one carrier ring, each with a dialog of its own, and the second one answers. The first one then says re-INVITE, UPDATE, INFO and BYE in
its dialog, as a phone does that was picked up a moment too late: it hears 481, and the call of the other goes on."""


def scenario(t):
    def rings(raw, m):
        raw.reply(m, 100)
        raw.reply(m, 180, tag="one")
        raw.later(0.1, lambda: raw.reply(m, 180, tag="two"))
        raw.later(0.3, lambda: raw.reply(m, 200, tag="two", sdp=True))

    def meddle():
        i = ca.first("INVITE")
        for n, method in enumerate(("INVITE", "UPDATE", "INFO", "BYE")):
            ca.say(ca.follow(i, method, 7 + n, ca.sdp() if n < 2 else "").replace(";tag=raw", ";tag=one"), i.source)
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "BYE": 200})
    pbx = t.caller([invite(), recv(100, optional=True), recv(180), recv(200), ack(), pause(1.5), bye(rtp=False), recv(200)])
    assert t.until(lambda: ca.got("ACK"), 10)
    ca.later(0.1, meddle)
    t.run()
    assert t.until(lambda: ca.received("BYE") == 1, 3)
    for method in ("INVITE", "UPDATE", "INFO", "BYE"):
        assert ca.received("481 " + method) >= 1, [m.first for m in ca.messages()]
    assert ca.first("BYE").to_tag == "two" and pbx.received("BYE") == 0 and pbx.received("INVITE") == 0
    t.audio_strict = False


def after(t):
    assert t.cdr()[0]["ended_by"] == "caller", t.cdr()[0]
