# SPDX-License-Identifier: MIT
"""no_progress (A96): the primary says 100 and nothing more: CANCEL after 8 s (here 2), and the secondary. The last one left is waited for."""


def trying(raw, m):
    raw.reply(m, 100)


def cancelled(raw, m):
    raw.reply(m, 200)
    raw.later(0.15, lambda: raw.reply(m, 487, method="INVITE"))


def scenario(t):
    t.time_scale = 4
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": trying, "CANCEL": cancelled})
    cb = t.carrier("cb", [recv("INVITE"), send(100), pause(5), send(180), pause(0.1), send(200), recv("ACK"), recv("BYE"), send(200)])
    t.caller(call(talk=0.2))
    t.run()
    assert 1.9 < t.gap(ca.first("INVITE"), ca.first("CANCEL")) < 2.4
    assert -0.1 < t.gap(ca.sent(487)[0], cb.first("INVITE")) < 0.2
    assert ca.received("INVITE") == 1 and ca.received("ACK") == 1 and cb.received("CANCEL") == 0
