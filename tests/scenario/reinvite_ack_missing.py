# SPDX-License-Identifier: MIT
"""reinvite_ack_missing: the PBX asks for an offer by a re-INVITE without SDP and never answers it. After 64 T1 the carrier's 200 has its ACK, both legs
their BYE, and the record says why."""


def scenario(t):
    t.time_scale = 16
    ca = t.carrier("ca", answer()[:-2] + [recv("INVITE"), send(200, sdp={"version": 2}), recv("ACK", timeout_ms=9000), recv("BYE"), send(200)])
    t.caller(call(talk=0.2)[:-2] + [invite(sdp=None), recv(100, optional=True), recv(200), recv("BYE", timeout_ms=9000), send(200)])
    t.audio_strict = False
    t.run()
    assert t.until(lambda: ca.received("BYE"), 3)


def after(t):
    assert t.cdr()[0]["hangup_cause"] == "no_ack" and t.cdr()[0]["ended_by"] == "kedge", t.cdr()[0]
