# SPDX-License-Identifier: MIT
"""srtp_forks: a caller with forks=true that offers RTP/SAVP, the first carrier's early media in G.722, then 503; the second answers PCMU: a dialog of its own for the caller, with a key of its own.
Another carrier forks behind us: two phones ring with SDP and keys of their own, the second answers; its key is the one that is heard. No key in any INVITE or answer stands twice."""
import re


def scenario(t):
    t.trunk("pbx1", "pbx", 1, forks=True, srtp="required")
    t.allow_audio = ("lost",)
    early, late = secure(tag=1, pts=[9]), secure(tag=2, suite="AES_CM_128_HMAC_SHA1_32")
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(183, speak=False), pause(0.3), send(503), recv("ACK")], secure=early, srtp="required", pt=9)
    cb = t.carrier("cb", answer(), secure=late, srtp="required")
    other = secure(tag=1)
    cc = t.carrier("cc", [recv("INVITE"), send(100), send(183, tag="b", sdp=other, speak=False), pause(0.2), send(200), recv("ACK"), recv("BYE"), send(200)],
                   secure=secure(tag=1), srtp="required")
    t.profiles = {"two": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "one": {"targets": [{"trunk": "cc"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": "+44" + d, "profile": n} for n, d in (("two", "2"), ("one", "1"))]
    steps = [invite(sdp={"pts": [9, 0]}), recv(100, optional=True), recv(183, rtp=False), recv(180, optional=True), recv(200), ack(), pause(1.5)] + hangup()
    first = t.caller(steps, secure=secure(tag=3), numbers=["+442"])
    second = t.caller([invite(), recv(100, optional=True), recv(183, rtp=False), recv(180, optional=True), recv(200), ack(), pause(1.5)] + hangup(), secure=secure(tag=4), numbers=["+441"])
    t.run()
    old, new = first.first(183), first.first("200 INVITE")
    assert old.to_tag != new.to_tag and "RTP/SAVP 9" in old.body and "RTP/SAVP 0" in new.body, new.text
    keys = [k for p in (ca, cb, cc) for m in p.got("INVITE") for k in re.findall(r"inline:(\S+)", m.body)]
    keys += [re.search(r"inline:(\S+)", m.body).group(1) for m in (old, new, second.first("200 INVITE"))]
    assert len(keys) == len(set(keys)) == 15, keys


def after(t):
    t.heard("caller1", 10)
    t.heard("caller2", 10)
    t.heard("cb", 10)
    t.heard("cc", 10)
