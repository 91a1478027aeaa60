# SPDX-License-Identifier: MIT
"""ring_hunts (A55): a call from a carrier rings at the first PBX for 25 s (here 6.25), is cancelled there, and rings at the next."""


def scenario(t):
    t.time_scale = 4
    t.absent("ca", sources=[])
    p1 = t.pbx([recv("INVITE"), send(100), send(180), recv("CANCEL"), send(200), pause(0.15), send(487, to="INVITE"), recv("ACK")], name="pbx1")
    p2 = t.pbx(answer(), name="pbx2")
    for i, name in enumerate(("pbx1", "pbx2")):
        t.trunks[name]["sources"] = ["%s/32" % t.ip(1, i + 1)]
    t.trunks["ca"]["sources"] = ["%s/32" % t.ip(2, 1)]
    t.caller(call(talk=0.2), net=2)
    t.run()
    assert 6.1 < t.gap(p1.sent(180)[0], p1.first("CANCEL")) < 6.8
    assert -0.1 < t.gap(p1.sent(487)[0], p2.first("INVITE")) < 0.3
    assert p2.received("INVITE") == 1
