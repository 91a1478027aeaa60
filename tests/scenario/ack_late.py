# SPDX-License-Identifier: MIT
"""ack_late: the PBX's first ACKs are lost: 200 is repeated until one arrives, the call goes on as if nothing had been."""


def scenario(t):
    ca = t.carrier("ca", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), pause(1.3), ack(), pause(0.8)] + hangup())
    t.run()
    count = len(pbx.got("200 INVITE"))
    assert count >= 2 and pbx.received("200 INVITE") == 1, count
    assert ca.received("INVITE") == 1 and ca.received("BYE") == 1
