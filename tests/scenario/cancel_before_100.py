# SPDX-License-Identifier: MIT
"""cancel_before_100 (A5, A156): the PBX cancels while the carrier has not said a word. No CANCEL may go out before its first 1xx
(RFC 3261 9.1); then it goes at once. The PBX has its 487 long before."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), pause(1.2), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100), pause(0.1), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert t.gap(pbx.sent("CANCEL")[0], pbx.first("487 INVITE")) < 0.2
    assert t.until(lambda: ca.received("ACK"), 4)
    assert 0 <= t.gap(ca.sent(180)[0], ca.first("CANCEL")) < 0.2
    assert ca.received("INVITE") == 1 and ca.received("CANCEL") == 1 and cb.received("INVITE") == 0
