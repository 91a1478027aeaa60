# SPDX-License-Identifier: MIT
"""reinvite_silent: the carrier never answers a re-INVITE. After timer B (32 s, here 4) the PBX hears that it failed; the session stays, audio goes on,
and the BYE ends both."""


def scenario(t):
    t.time_scale = 8
    ca = t.carrier("ca", answer()[:-2] + [recv("INVITE"), pause(5.5), recv("BYE"), send(200)])
    pbx = t.caller(call(talk=0.3)[:-2] + [invite(sdp={"version": 2}), recv(100, optional=True), recv(500, timeout_ms=8000), ack(), pause(1.0)] + hangup())
    t.run()
    assert pbx.received("500 INVITE") == 1 and ca.received("BYE") == 1
    assert 3.5 < t.gap(pbx.sent("INVITE")[1], pbx.first("500 INVITE")) < 5


def after(t):
    assert t.heard("caller1", 200)[0]["heard"] > 200
