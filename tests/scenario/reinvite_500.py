# SPDX-License-Identifier: MIT
"""reinvite_500: the carrier refuses a re-INVITE with 500. The PBX hears so; the session stays as it was (RFC 3261 14.1), audio goes on without a lost packet."""


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [recv("INVITE"), send(500, tag="a"), recv("ACK"), recv("BYE"), send(200)], transcode=False)
    pbx = t.caller(call(talk=0.4)[:-2] + [invite(sdp={"pts": [8], "version": 2}), recv(100, optional=True), recv(500), ack(), pause(0.6)] + hangup())
    t.run()
    assert ca.received("BYE") == 1 and pbx.received("500 INVITE") == 1


def after(t):
    t.heard("caller1", 45)
    t.heard("ca", 45)
