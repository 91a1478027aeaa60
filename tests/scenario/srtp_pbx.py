# SPDX-License-Identifier: MIT
"""srtp_pbx: a PBX with srtp = "optional", carriers in clear. It may offer RTP/SAVP, RTP/AVP with a=crypto, or neither, and is answered in kind; of the lines that it
offers the first that kedge can keep is taken: not the one with an MKI. The carrier is offered none of it. A PBX whose srtp is "off" gets 488 for RTP/SAVP."""
import re

MKI = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4"


def scenario(t):
    t.trunk("pbx1", "pbx", 1, srtp="optional")
    t.trunk("pbx2", "pbx", 2)
    t.trunks["pbx1"]["sources"] = ["127.%d.1.1" % t.slot]
    ca = t.carrier("ca", answer())
    savp = t.caller(call(talk=2.0), secure=secure(tag=7, before=["3 F8_128_HMAC_SHA1_80 inline:x", MKI]), numbers=["+4411"])
    avp = t.caller(call(talk=2.0), secure=secure("AES_CM_128_HMAC_SHA1_32", tag=2, profile="RTP/AVP"), numbers=["+4412"])
    clear = t.caller(call(talk=2.0), numbers=["+4413"])
    off = t.caller(fails(488), host=2, secure=secure(), numbers=["+4414"])
    t.run()
    for peer, profile, line in ((savp, "RTP/SAVP", "7 AES_CM_128_HMAC_SHA1_80"), (avp, "RTP/AVP", "2 AES_CM_128_HMAC_SHA1_32"), (clear, "RTP/AVP", None)):
        body = peer.first("200 INVITE").body
        assert re.search(r"^m=audio \d+ %s 0" % profile, body, re.M), body
        assert re.findall(r"^a=crypto:(\d+ \S+) inline:", body, re.M) == ([line] if line else []), body
    assert off.received("488 INVITE") == 1
    assert ca.received("INVITE") == 3 and all("crypto" not in m.body and "RTP/AVP 0" in m.body for m in ca.got("INVITE"))


def after(t):
    for name in ("caller1", "caller2", "caller3"):
        t.heard(name, 10)
    t.heard("ca", 10, calls=3)
