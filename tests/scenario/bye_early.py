# SPDX-License-Identifier: MIT
"""bye_early (A156): the caller hangs up by BYE in an early dialog (RFC 3261 15): 200 to it, 487 to the INVITE, CANCEL to the carrier."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cb = t.carrier("cb", answer())
    t.caller([invite(), recv(100, optional=True), recv(180), pause(0.2), bye(rtp=False), recv(200), recv(487), ack()])
    t.run()
    assert ca.received("CANCEL") == 1 and cb.received("INVITE") == 0
