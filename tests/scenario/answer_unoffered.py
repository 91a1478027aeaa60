# SPDX-License-Identifier: MIT
"""answer_unoffered: the carrier answers with a payload type it was never offered (RFC 3264 6.1): nobody could hear it. ACK and BYE, the next carrier takes the call, the
PBX sees one 200."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200}, transcode=False)
    ca.pt = 8
    cb = t.carrier("cb", answer())
    pbx = t.caller(call(talk=0.4))
    t.run()
    assert ca.received("ACK") == 1 and ca.received("BYE") == 1 and cb.received("INVITE") == 1
    assert len(pbx.got("200 INVITE")) == 1


def after(t):
    t.heard("cb", 10)
    assert [(e["trunk"], e["why"]) for e in t.told("call.bad_answer")] == [("ca", "no_codec")], t.events("call.bad_answer")
