# SPDX-License-Identifier: MIT
"""cancel_cross_200 (A5, A156): the carrier answers as the CANCEL reaches it. Its leg gets ACK and BYE at once, the PBX only its 487: no ghost
leg, no second final answer (RFC 3261 9.1, 15)."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), recv("CANCEL"), send(200, to="INVITE", speak=False), send(200), recv("ACK"),
                          recv("BYE"), send(200)])
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180), pause(0.2), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert t.until(lambda: ca.received("BYE"), 3)
    assert t.gap(ca.sent("200 INVITE")[0], ca.first("BYE")) < 0.2
    assert ca.received("ACK") == 1 and cb.received("INVITE") == 0
    assert pbx.received("200 INVITE") == 0 and pbx.received("487 INVITE") == 1
