# SPDX-License-Identifier: MIT
"""cancel_cross_486 (A5): the carrier is busy as the CANCEL reaches it. The PBX gets 487, nothing else starts."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), recv("CANCEL"), send(486, to="INVITE"), send(200), recv("ACK")])
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180), pause(0.2), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert ca.received("ACK") == 1 and cb.received("INVITE") == 0
    assert pbx.received(486) == 0
