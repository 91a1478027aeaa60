# SPDX-License-Identifier: MIT
"""stops_at_404 (A6 A15): the first carrier says 503, the second 404: the hunt ends with the callee's word, the third is not asked, and the PBX hears 404, not what failed before."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": 404})
    cc = t.carrier("cc", answer())
    t.caller(fails(404))
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1 and cc.received("INVITE") == 0


def after(t):
    assert [a["code"] for a in t.cdr()[0]["attempts"]] == [503, 404]
