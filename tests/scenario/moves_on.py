# SPDX-License-Identifier: MIT
"""moves_on (A3 A6 A7 A8 A25 A119): each of 408 500 502 503 504 488 from the primary: one INVITE there, then one at the secondary, at once, on the very
first call that fails. Another number each, so that nothing but the code decides."""

CODES = (408, 500, 502, 503, 504, 488)


def scenario(t):
    for i, code in enumerate(CODES):
        t.silent("c%d" % code, {"OPTIONS": 200, "INVITE": code})
    cb = t.carrier("cb", answer())
    t.profiles = {"p%d" % c: {"targets": [{"trunk": "c%d" % c}, {"trunk": "cb"}]} for c in CODES}
    t.routes = [{"name": "r%d" % c, "from": "pbx1", "prefix": "+44%d" % c, "profile": "p%d" % c} for c in CODES]
    pbx = t.caller(call(talk=0.2), numbers=["+44%d555" % c for c in CODES], rate=5)
    t.run()
    for code in CODES:
        raw = t.peers["c%d" % code]
        assert raw.received("INVITE") == 1 and raw.received("ACK") == 1, code
        number = "+44%d555" % code
        moved = [m for m in cb.got("INVITE") if number in m.text.split("\r\n")[0]]
        assert len(moved) == 1, code
        assert t.gap(raw.sent(code)[0], moved[0]) < 0.05, code
    assert cb.received("INVITE") == len(CODES) and pbx.received("200 INVITE") == len(CODES)
