# SPDX-License-Identifier: MIT
"""pickup_late (A110, A113): people pick up after 0, 1, 2.9, 3.1, 4, 10, 12, 24 and 24.9 s. No timer inside cuts them short: every call is answered by
the carrier that rang first."""

DELAYS = (0, 1, 2.9, 3.1, 4, 10, 12, 24, 24.9)


def scenario(t):
    ca = t.carrier("ca", {"%03d" % i: [recv("INVITE"), send(100), send(180), pause(d), send(200), recv("ACK"), recv("BYE"), send(200)]
                          for i, d in enumerate(DELAYS)})
    cb = t.carrier("cb", answer())
    pbx = t.caller(call(talk=0.3), numbers=["+4420718%03d" % i for i in range(len(DELAYS))], rate=50)
    t.run(60)
    assert ca.received("INVITE") == len(DELAYS) and cb.received("INVITE") == 0 and ca.received("CANCEL") == 0
    assert len(pbx.got("200 INVITE")) == len(DELAYS)
