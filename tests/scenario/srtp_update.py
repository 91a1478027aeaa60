# SPDX-License-Identifier: MIT
"""srtp_update: the carrier's key comes in a reliable 183 (PRACK), its 200 has no body. Then it sends UPDATE with a new key: 200 at once, kedge's key is the one it offered. An UPDATE in clear gets
488 and changes nothing, one without a body is a refresh. The PBX, in clear, hears of none of it."""
import re

KEY = "1 AES_CM_128_HMAC_SHA1_80 inline:%s"
FIRST, SECOND = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"


def scenario(t):
    t.audio_strict = False
    kedge = (t.ip(4), t.port("kedge4"))

    def said(raw, key):
        plain = type(raw).sdp(raw)
        return plain.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:%s\r\n" % (KEY % key) if key else plain

    def rings(raw, m):
        raw.invite = m
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 7"])

    def pracked(raw, m):
        raw.reply(m, 200)
        raw.reply(raw.invite, 200)

    def up(raw, m):
        updates = [said(raw, SECOND), said(raw, None), ""]
        for i, body in enumerate(updates):
            raw.later(0.2 + 0.3 * i, lambda i=i, body=body: raw.say(raw.follow(raw.invite, "UPDATE", 11 + i, body), kedge))

    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "PRACK": pracked, "ACK": up, "BYE": 200}, srtp="required")
    ca.sdp = lambda pts="0", port=21000: said(ca, FIRST)
    pbx = t.caller(call(talk=1.6))
    t.run()
    offered = re.search(r"a=crypto:1 \S+ inline:(\S+)", ca.got("INVITE")[0].body).group(1)
    answers = {m["CSeq"].split()[0]: m for m in ca.messages() if m.way == "in" and m.code and "UPDATE" in m["CSeq"]}
    assert {k: m.code for k, m in answers.items()} == {"11": 200, "12": 488, "13": 200}, answers
    assert re.findall(r"a=crypto:(.*inline:\S+)", answers["11"].body) == [KEY % offered] and not answers["13"].body.strip(), answers["11"].body
    assert pbx.received("INVITE") == 0 and pbx.received("UPDATE") == 0 and "crypto" not in pbx.first("200 INVITE").body
    assert t.until(lambda: t.cdr(), 3) and t.cdr()[0]["media"]["srtp_out"] == "AES_CM_128_HMAC_SHA1_80"
