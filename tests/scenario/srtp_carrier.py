# SPDX-License-Identifier: MIT
"""srtp_carrier: a PBX in clear, a carrier that must be encrypted (srtp = "required"). The carrier is offered RTP/SAVP with a key for each suite, the PBX sees
nothing of it; audio both ways, and the CDR and `kedge calls` name the suite. Once with each of the six suites."""
import json
import re

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM")


def scenario(t):
    for i, suite in enumerate(SUITES):
        t.carrier("c%d" % i, answer(), ends=8, secure=secure(suite, tag=i + 1), srtp="required", srtp_suites=list(SUITES))
    t.profiles = {"p%d" % i: {"targets": [{"trunk": "c%d" % i}]} for i in range(len(SUITES))}
    t.routes = [{"name": "r%d" % i, "from": "pbx1", "prefix": "+44%d" % i, "profile": "p%d" % i} for i in range(len(SUITES))]
    pbx = t.caller(call(talk=2.5), numbers=["+44%d55" % i for i in range(len(SUITES))], rate=10)
    assert t.until(lambda: len([c for c in json.loads(t.verb("calls", "--json"))["calls"] if c["state"] == "UP"]) == len(SUITES), 10)
    calls = json.loads(t.verb("calls", "--json"))["calls"]
    assert {(c["srtp_in"], c["srtp_out"]) for c in calls} == {(None, s) for s in SUITES}, calls
    assert any(re.search(r"SRTP out\s+%s" % s, t.verb("calls", calls[0]["call"])) for s in SUITES)
    t.run()
    for i, suite in enumerate(SUITES):
        offer = t.peers["c%d" % i].got("INVITE")[0].body
        assert re.search(r"^m=audio \d+ RTP/SAVP 0", offer, re.M), offer
        assert re.findall(r"^a=crypto:(\d+) (\S+) inline:", offer, re.M) == [(str(n + 1), s) for n, s in enumerate(SUITES)], offer
    for m in pbx.got("200 INVITE"):
        assert "crypto" not in m.body and "RTP/AVP 0" in m.body, m.body
    assert t.until(lambda: len(t.cdr()) == len(SUITES), 3)
    told = {r["media"]["srtp_out"] for r in t.cdr() if r["media"]["srtp_in"] is None}
    assert told == set(SUITES), told


def after(t):
    t.heard("caller1", 20)
    for i in range(len(SUITES)):
        t.heard("c%d" % i, 20)
