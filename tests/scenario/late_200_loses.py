# SPDX-License-Identifier: MIT
"""late_200_loses (A155): the carrier given up for its silence answers 200 after the second one did: ACK and BYE at once, no second 200."""


def scenario(t):
    def late(raw, m):
        if len(raw.got("INVITE")) == 1:
            raw.later(2.8, lambda: raw.reply(m, 200, sdp=True))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": late, "BYE": 200})
    cb = t.carrier("cb", answer())
    pbx = t.caller(call(talk=1.5))
    t.run()
    assert len(pbx.got("200 INVITE")) == 1
    assert ca.received("ACK") == 1 and ca.received("BYE") == 1
    assert t.gap(ca.sent(200)[-2] if len(ca.sent(200)) > 1 else ca.sent(200)[0], ca.first("BYE")) < 0.3


def after(t):
    assert t.cdr()[0]["trunk"] == "cb", t.cdr()[0]
