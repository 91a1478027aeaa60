# SPDX-License-Identifier: MIT
"""ring_outbound (A55): outbound a phone may ring for 120 s (here 4): then CANCEL, 480 with Q.850 19 to the PBX, and no other carrier rings it again."""


def scenario(t):
    t.time_scale = 30
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cb = t.carrier("cb", answer())
    pbx = t.caller(fails(480))
    t.run()
    assert 3.8 < t.gap(ca.sent(180)[0], ca.first("CANCEL")) < 4.6
    assert cb.received("INVITE") == 0 and "Q.850;cause=19" in pbx.first(480).text, pbx.first(480).text
