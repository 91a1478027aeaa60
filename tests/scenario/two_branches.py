# SPDX-License-Identifier: MIT
"""two_branches (A155): the first carrier is slow and was given up when the second began to ring. Its late 180 gets CANCEL; nothing rings twice, the
caller sees one 200."""


def scenario(t):
    def slow(raw, m):
        if len(raw.got("INVITE")) == 1:
            raw.later(2.6, lambda: raw.reply(m, 180))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": slow, "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))})
    cb = t.carrier("cb", answer(ring=0.02, after=1.2))
    pbx = t.caller(call(talk=0.5))
    t.run()
    assert len(pbx.got("200 INVITE")) == 1 and cb.received("INVITE") == 1
    assert ca.received("CANCEL") == 1 and ca.received("ACK") == 1
    assert t.gap(ca.sent(180)[0], ca.first("CANCEL")) < 0.2
    gone = cb.first("INVITE").when
    assert not [m for m in ca.got("INVITE") if m.when > gone + 0.01], "no INVITE on the wire after it was given up"


def after(t):
    assert [a["abandoned"] for a in t.cdr()[0]["attempts"]] == [True, False]
