# SPDX-License-Identifier: MIT
"""answer_missing (A1): the first carrier answers 200 without any SDP, the second with SDP that is none: no call can be made of it. Each gets ACK and BYE, the third is called, the PBX
sees its 200 alone."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200), "BYE": 200})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": junk, "BYE": 200})
    cc = t.carrier("cc", answer())
    pbx = t.caller(call(talk=0.4))
    t.run()
    assert cc.received("INVITE") == 1 and len(pbx.got("200 INVITE")) == 1
    for raw in (ca, cb):
        assert raw.received("ACK") == 1 and raw.received("BYE") == 1, raw.name
    why = [(e["trunk"], e["why"]) for e in t.told("call.bad_answer", 2)]
    assert why == [("ca", "no_sdp"), ("cb", "bad_sdp")], why


def junk(raw, m):
    keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id", "cseq"))
    raw.say("SIP/2.0 200 OK\r\n%sTo: %s;tag=junk\r\nContact: <sip:%s:5060>\r\nContent-Type: application/sdp\r\nContent-Length: 12\r\n\r\nv=0\r\nm=junk\r\n" % (
        keep, m["To"], raw.ip), m.source)
