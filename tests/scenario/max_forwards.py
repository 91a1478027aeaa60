# SPDX-License-Identifier: MIT
"""max_forwards: goes out one less than it came in; 0 is answered 483 and nothing goes out."""


def scenario(t):
    ca = t.carrier("ca", answer())
    t.caller([invite(max_forwards=20), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.1)] + hangup())
    t.run()
    assert ca.got("INVITE")[0]["Max-Forwards"] == "19"
    t.caller([invite(max_forwards=0), recv(100, optional=True), recv(483), ack()])
    t.run()
    assert ca.received("INVITE") == 1
    t.cdrs = 1
