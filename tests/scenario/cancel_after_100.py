# SPDX-License-Identifier: MIT
"""cancel_after_100 (A5): the PBX cancels between 100 and 18x: CANCEL to the carrier at once, 487, no next target, health unchanged."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100), pause(0.2), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert ca.received("CANCEL") == 1 and ca.received("ACK") == 1 and cb.received("INVITE") == 0
    assert t.gap(pbx.sent("CANCEL")[0], ca.first("CANCEL")) < 0.2


def after(t):
    record = t.cdr()[0]
    assert record["hangup_cause"] == "caller_cancel", record
    assert {e["to"] for e in t.events("trunk.state")} <= {"UP"}, t.events("trunk.state")
