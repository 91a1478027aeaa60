# SPDX-License-Identifier: MIT
"""mtu_refused: an INVITE longer than udp_mtu, and the carrier's TCP port is closed: it goes by UDP at once, and the next long one does not ask again. The size that is told is that
of the datagram."""

LONG = "Subject: " + "long " * 160


def scenario(t):
    ca = t.carrier("ca", answer(), udp_mtu=1000)
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(headers=[LONG])] + call(talk=0.4)[1:], numbers=["+442071830", "+442071831"], limit=1)
    t.run()
    assert ca.received("INVITE") == 2 and ca.received("BYE") == 2 and cb.received("INVITE") == 0
    assert t.gap(pbx.sent("INVITE")[0], ca.got("INVITE")[0]) < 0.3
    t.size = len(ca.first("INVITE").text.encode())


def after(t):
    t.heard("ca", 10, calls=2)
    said = t.events("call.long")
    assert [(e["over"], e["why"]) for e in said] == [("tcp", "udp_mtu"), ("udp", "refused")], said
    assert said[0]["bytes"] - 24 <= t.size <= said[0]["bytes"], (said, t.size)
    assert [[(a["trunk"], a["cause"]) for a in d["attempts"]] for d in t.decisions()] == [[("ca", "answered")]] * 2, t.decisions()
