# SPDX-License-Identifier: MIT
"""srtp_refused: a trunk with srtp = "required" never speaks in clear. Carriers that answer it 488, in clear, with RTP/SAVP without a key, with a tag that was not
offered and with the suite of another tag are passed over, each at its first word; what they had sent or would have heard: not a packet. The fifth has a key that fits."""
import re


def scenario(t):
    t.allow_audio = ("lost",)  # what the four said to a call that was not theirs any more
    t.carrier("c1", refuse(488), srtp="required")
    lost = [recv("INVITE"), send(100), send(200), recv("ACK"), recv("BYE"), send(200)]
    t.carrier("c2", lost, srtp="required")
    t.carrier("c3", lost, secure={"profile": "RTP/SAVP"}, srtp="required")
    t.carrier("c4", lost, secure=secure(tag=99), srtp="required")
    t.carrier("c5", lost, secure=secure("AES_CM_128_HMAC_SHA1_32", tag=1), srtp="required")
    c6 = t.carrier("c6", answer(), secure=secure("AES_CM_128_HMAC_SHA1_32", tag=2), srtp="required")
    t.profile = {"max_retries": 9}
    t.caller(call(talk=1.5))
    t.run()
    seen = [k for n in range(1, 7) for m in t.peers["c%d" % n].got("INVITE") for k in re.findall(r"inline:(\S+)", m.body)]
    assert len(seen) == len(set(seen)) == 24, seen
    assert c6.received("INVITE") == 1


def after(t):
    t.heard("caller1", 10)
    t.heard("c6", 10)
    for n in range(1, 6):
        for field in ("heard", "unstamped", "corrupt", "rtcp_heard", "rtcp_bad"):
            assert t.rtps["c%d" % n].total(field) == 0, (n, field)
