# SPDX-License-Identifier: MIT
"""after_180: a phone has rung at the primary; its 503 then ends the hunt (the caller gets 500): no second device is rung."""


def scenario(t):
    ca = t.carrier("ca", refuse(503, ring=0.2))
    cb = t.carrier("cb", answer())
    t.caller([invite(), recv(100, optional=True), recv(180), recv(500), ack()])
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 0
