# SPDX-License-Identifier: MIT
"""ack_missing: the PBX never acknowledges. kedge repeats its 200 with growing pauses (RFC 3261 13.3.1.4), gives up after 64 T1 and ends both
legs; the carrier's repeated 200 is acknowledged each time and never passed on as another answer."""


def scenario(t):
    t.time_scale = 8
    ca = t.carrier("ca", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), recv("BYE", timeout_ms=12000), send(200)])
    t.run()
    first, bye_ = pbx.got("200 INVITE")[0], pbx.first("BYE")
    assert 3.5 < t.gap(first, bye_) < 5.5, t.gap(first, bye_)
    assert len(pbx.got("200 INVITE")) >= 6 and pbx.received("200 INVITE") == 1
    assert t.until(lambda: ca.received("BYE"), 3)
    t.audio_strict = False
