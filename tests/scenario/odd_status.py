# SPDX-License-Identifier: MIT
"""odd_status: a carrier whose status lines say 099, 4860, 65736 (200 if only 16 bits were looked at) and worse. Nothing dies, the next carrier has the call."""

LINES = ["SIP/2.0 099 X", "SIP/2.0 0 X", "SIP/2.0 700 X", "SIP/2.0 4860 X", "SIP/2.0 65736 X", "SIP/2.0 4294967295 X", "SIP/2.0 18446744073709551615 X"]


def scenario(t):
    t.time_scale = 8
    t.sip_strict = False  # what it says is no SIP

    def odd(raw, m):
        line = LINES[(len({x["Call-ID"] for x in raw.got("INVITE")}) - 1) % len(LINES)]
        raw.say("%s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=z\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n" % (
            line, m["Via"], m["From"], m["To"], m["Call-ID"], m["CSeq"]), m.source)

    ca = t.silent("ca", {"OPTIONS": odd, "INVITE": odd, "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))},
                  breaker={"consecutive": 100, "window": []}, probe={"down": 100})
    t.carrier("cb", answer())
    t.caller(call(talk=0.1), numbers=["+44207183875%d" % i for i in range(len(LINES))], rate=20, limit=1)
    t.run()
    assert len({m["Call-ID"] for m in ca.got("INVITE")}) == len(LINES)
    assert all(r["trunk"] == "cb" for r in t.cdr()), t.cdr()
