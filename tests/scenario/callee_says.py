# SPDX-License-Identifier: MIT
"""callee_says (A4 A15 A41 A42 A43): 486 603 600 404 403 480 are the callee's word: the caller gets them with their own code, at once, and the
secondary nothing. They never hurt the trunk, but three 403 to distinct numbers are a fault of the configuration, and said."""

CODES = (486, 603, 600, 404, 480, 403, 403, 403)


def by_number(raw, m):
    raw.reply(m, 100)
    raw.reply(m, int(m.text.split("sip:+44")[1][:3]), headers=["Reason: Q.850;cause=17"])


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": by_number})
    cb = t.carrier("cb", answer())
    for i, code in enumerate(CODES):
        t.caller(fails(code), numbers=["+44%d55%d" % (code, i)], host=i + 1)
        t.run()
    assert ca.received("INVITE") == len(CODES) and cb.received("INVITE") == 0
    for i, code in enumerate(CODES):
        pbx = t.peers["caller%d" % (i + 1)]
        assert t.gap(ca.sent(code)[CODES[:i].count(code)], pbx.got(code)[0]) < 0.2, code
        assert "Q.850;cause=17" in pbx.got(code)[0].text, code
    states = lambda to: [e for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] == to]
    assert not states("DOWN")
    assert t.until(lambda: states("DEGRADED"), 3)
    fault = states("DEGRADED")
    assert len(fault) == 1 and fault[0]["why"] == "config_fault:403"
