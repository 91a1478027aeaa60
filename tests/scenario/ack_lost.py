# SPDX-License-Identifier: MIT
"""ack_lost: kedge's ACK to the carrier is lost: the carrier repeats its 200, each copy gets an ACK again, the PBX sees one."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": answers, "BYE": 200})
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(1.0), bye(), recv(200)])
    t.run()
    assert len(ca.got("ACK")) >= 3, len(ca.got("ACK"))
    assert len(pbx.got("200 INVITE")) == 1
    assert ca.received("BYE") == 1
    t.audio_strict = False


def answers(ca, m):
    ca.reply(m, 100)
    for after_s in (0, 0.3, 0.6):
        ca.later(after_s, lambda: ca.reply(m, 200, sdp=True))
