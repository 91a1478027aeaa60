# SPDX-License-Identifier: MIT
"""dead_port (A28): nobody listens at the primary: ICMP ends the try at once, without waiting for silence; the third takes it DOWN."""


def scenario(t):
    t.absent("ca")
    cb = t.carrier("cb", answer())
    pbx = t.caller(call(talk=0.1), numbers=["+44207183875%d" % i for i in range(4)], rate=4)
    t.run()
    for sent, tried in zip(pbx.sent("INVITE"), cb.got("INVITE")):
        assert t.gap(sent, tried) < 0.2
    down = [e for e in t.events("trunk.state") if e["to"] == "DOWN"]
    assert len(down) == 1 and down[0]["evidence"] == "unreachable", down
