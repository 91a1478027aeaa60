# SPDX-License-Identifier: MIT
"""cancel_two_branches (A156): the primary is silent and abandoned, the second one has said 100; the PBX cancels. 487; CANCEL to the second at
once and to the first at its first 1xx; the third is never tried, also not when the first one's transaction times out (40 s, here 10)."""


def scenario(t):
    t.time_scale = 4
    t.profile = {"inform_after": "0s"}
    ca = t.carrier("ca", [recv("INVITE"), pause(1.3), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cb = t.carrier("cb", [recv("INVITE"), send(100), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cc = t.carrier("cc", answer())
    pbx = t.caller([invite(), recv(100), pause(0.85), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert cb.received("INVITE") == 1 and cb.received("CANCEL") == 1
    assert t.gap(pbx.sent("CANCEL")[0], pbx.first("487 INVITE")) < 0.2
    assert t.until(lambda: ca.received("ACK"), 4)
    assert t.gap(ca.sent(180)[0], ca.first("CANCEL")) < 0.2
    t.until(lambda: cc.received("INVITE"), 10)
    assert cc.received("INVITE") == 0 and ca.received("INVITE") == 1
