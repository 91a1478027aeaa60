# SPDX-License-Identifier: MIT
"""srtp_optional: a carrier with srtp = "optional" is offered RTP/AVP with a=crypto; one that knows SRTP takes it, one that does not answers in clear: both calls have audio both
ways, each in its own kind. The same carriers call the PBX: RTP/SAVP, in clear."""
import re


def scenario(t):
    ca = t.carrier("ca", answer(), secure=secure("AEAD_AES_128_GCM", tag=3, profile="RTP/AVP"), srtp="optional")
    cb = t.carrier("cb", answer(), srtp="optional")
    t.pbx(answer(), srtp="off")
    t.profiles = {"a": {"targets": [{"trunk": "ca"}]}, "b": {"targets": [{"trunk": "cb"}]}, "in": {"targets": [{"trunk": "pbx1"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": "+44" + d, "profile": n} for n, d in (("a", "1"), ("b", "2"))]
    t.routes += [{"name": "in-" + n, "from": n, "profile": "in"} for n in ("ca", "cb")]
    t.caller(call(talk=2.0), numbers=["+4411", "+4422"])
    t.caller(call(talk=2.0), net=2, host=1, numbers=["+4431"], secure=secure(tag=6))
    t.caller(call(talk=2.0), net=2, host=2, numbers=["+4432"])
    t.run()
    for peer in (ca, cb):
        offer = peer.got("INVITE")[0].body
        assert re.search(r"^m=audio \d+ RTP/AVP 0", offer, re.M) and len(re.findall("a=crypto", offer)) == 4, offer
    assert t.until(lambda: len(t.cdr()) == 4, 3)
    assert sorted(str(r["media"]["srtp_out"]) for r in t.cdr()) == ["AEAD_AES_128_GCM", "None", "None", "None"]
    assert sorted(str(r["media"]["srtp_in"]) for r in t.cdr()) == ["AES_CM_128_HMAC_SHA1_80", "None", "None", "None"]


def after(t):
    for name in ("caller1", "caller2", "caller3", "ca", "cb", "pbx1"):
        t.heard(name, 10)
