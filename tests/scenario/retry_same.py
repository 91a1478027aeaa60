# SPDX-License-Identifier: MIT
"""retry_same (A10 A11): one trunk and nothing else, and it answers 503 to everything. It is tried again three times, after 1, 2 and 4 seconds and up to half of that
more by chance, though it is DOWN by then; then the caller gets 503. He hears 180 within 1.2 s."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503})
    pbx = t.caller(fails(503))
    t.run()
    tries = ca.got("INVITE")
    assert len(tries) == 4, tries
    gaps = [t.gap(a, b) for a, b in zip(tries, tries[1:])]
    for gap, low, high in zip(gaps, (1, 2, 4), (1.5, 3, 6)):
        assert low - 0.01 <= gap <= high + 0.25, gaps
    assert 0.9 < t.gap(pbx.sent("INVITE")[0], pbx.first(180)) < 1.5 and pbx.received(180) == 1
    record = t.decisions()[0]
    assert [a.get("again", False) for a in record["attempts"]] == [False, True, True, True], record
    assert [e["trunk"] for e in t.events("call.again")] == ["ca"] * 3
