# SPDX-License-Identifier: MIT
"""inbound_moves (A1 A6 A25 A107): a carrier calls; the first PBX says 503, the second one takes the call: audio both ways. While the first says nothing at all it goes the
same way."""


def scenario(t):
    p1 = t.pbx({"1": refuse(503), "": [recv("INVITE"), pause(4), send(503), recv("ACK")]}, name="pbx1")
    p2 = t.pbx(answer(), name="pbx2")
    t.absent("ca", sources=["%s/32" % t.ip(2, 1)])
    for i, name in enumerate(("pbx1", "pbx2")):
        t.trunks[name]["sources"] = ["%s/32" % t.ip(1, i + 1)]
    ca = t.caller(call(talk=0.6), net=2, numbers=["+442071838751"])
    t.run()
    assert p1.received("INVITE") == 1 and p2.received("INVITE") == 1
    assert t.gap(p1.sent(503)[0], p2.first("INVITE")) < 0.1
    silent = t.caller(call(talk=0.6), net=2, numbers=["+442071838752"], name="second")
    t.run()
    assert p2.received("INVITE") == 2 and len(ca.got("200 INVITE")) == len(silent.got("200 INVITE")) == 1
    assert t.gap(silent.sent("INVITE")[0], p2.got("INVITE")[-1]) < 3


def after(t):
    t.heard("pbx2", 20, calls=2)
    t.heard("caller1", 20)
