# SPDX-License-Identifier: MIT
"""two_tags (A155): two phones behind the carrier answer, each with a To-tag of its own. The first keeps the call, the second gets ACK and BYE
at once; the PBX sees one 200."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": both, "BYE": 200})
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.6), bye(), recv(200)])
    t.run()
    assert t.until(lambda: ca.received("BYE") == 2, 3)
    byes = {m.to_tag: m for m in ca.got("BYE")}
    assert {m.to_tag for m in ca.got("ACK")} == {"first", "second"}
    assert t.gap(ca.sent("200 INVITE")[1], byes["second"]) < 0.2
    assert all(m["Max-Forwards"] == "70" for m in [byes["second"], *ca.got("ACK")]), ca.messages()
    assert byes["first"].when - byes["second"].when > 0.3
    assert pbx.received("200 INVITE") == 1
    t.audio_strict = False


def both(ca, m):
    ca.reply(m, 100)
    ca.reply(m, 180, tag="first")
    ca.reply(m, 200, tag="first", sdp=True)
    ca.later(0.1, lambda: ca.reply(m, 200, tag="second", sdp=True))
