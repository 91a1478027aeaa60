# SPDX-License-Identifier: MIT
"""wire_cancel (A5): over UDP or TCP, IPv4 or IPv6, the PBX cancels while the carrier rings: the CANCEL goes the way of its INVITE, nobody else is called."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cb = t.carrier("cb", answer())
    t.caller([invite(), recv(100, optional=True), recv(180), pause(0.3), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert ca.received("CANCEL") == 1 and ca.received("ACK") == 1 and cb.received("INVITE") == 0
    assert len({ca.first(what)["Via"] for what in ("INVITE", "CANCEL", "ACK")}) == 1


def after(t):
    assert t.cdr()[0]["hangup_cause"] == "caller_cancel"
