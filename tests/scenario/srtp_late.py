# SPDX-License-Identifier: MIT
"""srtp_late: an INVITE without an offer from an encrypted PBX, by both settings of late_offer: kedge's own offer to the carrier, and the carrier's, passed on. Either way each
side has keys of its own, and the PBX's key comes with its ACK. A PBX whose ACK answers in clear has no call."""
import re


def scenario(t):
    t.trunk("pbx1", "pbx", 1, srtp="required")
    ca = t.carrier("ca", answer(), secure=secure(tag=1), srtp="required", late_offer="insert")
    cb = t.carrier("cb", answer()[:-3] + [recv("ACK", rtp=True), recv("BYE"), send(200)], secure=secure("AEAD_AES_256_GCM", tag=4), srtp="optional", late_offer="pass")
    t.profiles = {"a": {"targets": [{"trunk": "ca"}]}, "b": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": "+44" + d, "profile": n} for n, d in (("a", "1"), ("b", "2"))]
    mine = secure(tag=1)
    steps = [invite(sdp=None), recv(100, optional=True), recv(180, optional=True), recv(200), ack(sdp=mine), pause(1.8)] + hangup()
    one = t.caller(steps, secure=mine, numbers=["+4411", "+4422"], limit=1)
    two = t.caller([invite(sdp=None), recv(100, optional=True), recv(180, optional=True), recv(200, rtp=False), ack(sdp=True), recv("BYE"), send(200)], numbers=["+4412"])
    t.run()
    assert "RTP/SAVP" in ca.got("INVITE")[0].body and cb.got("INVITE")[0].body.strip() == ""
    for m in one.got("200 INVITE") + two.got("200 INVITE"):
        assert "RTP/SAVP" in m.body and len(re.findall("a=crypto", m.body)) == 4, m.body
    assert re.findall(r"a=crypto:(\d \S+) inline", cb.got("ACK")[0].body) == ["4 AEAD_AES_256_GCM"], cb.got("ACK")[0].body


def after(t):
    t.heard("caller1", 10, calls=2)
    assert {end["call"]: end["heard"] > 10 for end in t.rtps["ca"].ends()} == {4411: True, 4412: False}
    t.heard("cb", 10)
