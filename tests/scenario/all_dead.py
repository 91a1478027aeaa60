# SPDX-License-Identifier: MIT
"""all_dead (A1 A22): both carriers are DOWN. Nobody is refused for that alone: a call tries them all the same (fail open), one a second; the next caller gets
503 with Retry-After at once, and /metrics says so."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": 503})
    for i in range(3):
        t.caller(fails(500 if i < 2 else 503), numbers=["+44207183875%d" % i], host=i + 1)
        t.run()
    assert ca.received("INVITE") == 3 and cb.received("INVITE") == 3
    assert 'kedge_all_trunks_down{profile="out"} 1' in t.ask("/metrics")
    last = t.caller(fails(503), host=4)
    t.run()
    assert ca.received("INVITE") == 4 and cb.received("INVITE") == 4
    assert 1 <= int(last.got(503)[0]["Retry-After"]) <= 300  # min_uptime
    burst = t.caller(fails(503), numbers=["+44207183875%d" % i for i in range(4)], rate=50, host=5)
    t.run()
    assert ca.received("INVITE") <= 6 and burst.received(503) == 4
