# SPDX-License-Identifier: MIT
"""loser_speaks: the carrier that was given up says re-INVITE and BYE in its own dialog while another one has the call. It hears 481, the call goes on."""


def scenario(t):
    t.time_scale = 4
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 100, "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))})
    cb = t.carrier("cb", answer())

    def meddle():
        i = ca.first("INVITE")
        for method in ("INVITE", "BYE"):
            ca.say("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKm%s\r\nFrom: %s;tag=raw\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 7 %s\r\n"
                   "Max-Forwards: 70\r\nContact: <sip:a@%s>\r\nContent-Length: 0\r\n\r\n" % (
                       method, i["Contact"].strip("<>"), ca.ip, method, i["To"], i["From"], i["Call-ID"], method, ca.ip), i.source)

    pbx = t.caller(call(talk=1.0))
    assert t.until(lambda: cb.got("ACK"), 10)
    ca.later(0.2, meddle)
    t.run()
    assert ca.received("481 INVITE") == 1 and ca.received("481 BYE") == 1
    assert pbx.received("INVITE") == 0 and pbx.received("BYE") == 0 and cb.received("INVITE") == 1


def after(t):
    t.heard("cb", 40)
    assert t.cdr()[0]["ended_by"] == "caller", t.cdr()[0]
