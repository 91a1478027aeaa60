# SPDX-License-Identifier: MIT
"""tcp_lost_cancel (A73, A5): the carrier's connection breaks while the phone rings, then the caller gives up: the CANCEL goes over a new connection, the 487 comes there and gets its ACK."""


def scenario(t):
    ca = t.stream("ca", {"INVITE": rings, "OPTIONS": 200, "CANCEL": cancelled})
    cb = t.carrier("cb", answer())
    t.caller([invite(), recv(100, optional=True), recv(180), pause(0.8), cancel(), recv(200), recv(487), ack()])
    t.run()
    assert t.until(lambda: ca.received("ACK") == 1, 3) and ca.received("CANCEL") == 1 and cb.received("INVITE") == 0
    assert ca.first("CANCEL")["Via"].split("branch=")[1] == ca.first("INVITE")["Via"].split("branch=")[1]


def rings(ca, m):
    ca.ringing = m
    ca.reply(m, 180)
    ca.later(0.15, lambda: ca.drop(m.source, reset=True))


def cancelled(ca, m):
    ca.reply(m, 200)
    ca.reply(ca.ringing, 487, to=m.source)


def after(t):
    assert t.cdr()[0]["hangup_cause"] == "caller_cancel"
