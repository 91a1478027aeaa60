# SPDX-License-Identifier: MIT
"""ok_after_487 (A155, A156): the carrier says 487 and then, by a second branch behind it, 200. That leg gets ACK and BYE; the PBX has its 487."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "CANCEL": undone, "BYE": 200})
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180), pause(0.2), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert t.until(lambda: ca.received("BYE"), 3), "ghost leg: the late 200 got %d ACK, no BYE" % ca.received("ACK")
    late = ca.sent("200 INVITE")[0]
    assert t.gap(late, ca.got("BYE")[0]) < 0.2
    assert "other" in {m.to_tag for m in ca.got("ACK")}
    assert pbx.received("200 INVITE") == 0 and cb.received("INVITE") == 0


def rings(ca, m):
    ca.invite = m
    ca.reply(m, 100)
    ca.reply(m, 180)


def undone(ca, m):
    ca.reply(m, 200)
    ca.reply(ca.invite, 487)
    ca.later(1.5, lambda: ca.reply(ca.invite, 200, tag="other", sdp=True))
