# SPDX-License-Identifier: MIT
"""prack_given_up (A154): the first carrier is silent until the second rings, then rings reliably: it gets its PRACK, and CANCEL behind it. The CANCEL says what the INVITE
said: no To-tag, no target of the early dialog."""


def scenario(t):
    def slow(raw, m):
        if len(raw.got("INVITE")) == 1:
            raw.later(2.6, lambda: raw.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 9", "Record-Route: <sip:%s;lr>" % raw.ip]))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": slow, "PRACK": 200, "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))})
    cb = t.carrier("cb", answer(ring=0.02, after=1.2))
    pbx = t.caller(call(talk=0.5))
    t.run()
    assert t.until(lambda: ca.received("ACK") == 1, 3)
    assert ca.received("PRACK") == 1 and ca.received("CANCEL") == 1
    prack, cancel, first = ca.first("PRACK"), ca.first("CANCEL"), ca.first("INVITE")
    assert [m.method for m in ca.messages() if m.way == "in" and m.method in ("PRACK", "CANCEL") and m.request][:2] == ["PRACK", "CANCEL"]
    assert prack["RAck"] == "9 %s" % first["CSeq"] and prack.to_tag == "raw"
    assert cancel.uri == first.uri and cancel["To"] == first["To"] and cancel["Via"] == first["Via"] and cancel["Route"] is None
    assert cancel["CSeq"].split()[0] == first["CSeq"].split()[0]
    assert len(pbx.got("200 INVITE")) == 1 and cb.received("INVITE") == 1
