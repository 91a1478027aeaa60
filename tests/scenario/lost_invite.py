# SPDX-License-Identifier: MIT
"""lost_invite (A152): one INVITE is lost on the way, probes are answered: the call stays on the primary, which gets the retransmission."""


def second_time(raw, m):
    if len(raw.got("INVITE")) == 2:
        raw.reply(m, 100)
        raw.reply(m, 486)


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": second_time})
    cb = t.carrier("cb", answer())
    t.caller(fails(486))
    t.run()
    assert len(ca.got("INVITE")) == 2 and cb.received("INVITE") == 0
    assert ca.received("ACK") == 1
