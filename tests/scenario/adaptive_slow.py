# SPDX-License-Identifier: MIT
"""adaptive_slow (A152): a carrier that usually takes 800 ms to say anything dies. It is waited for longer than that, though less than the configured 2 s."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": slow}, degraded_rtt="5s")
    cb = t.carrier("cb", answer())
    t.caller(fails(486), numbers=["+4420718%05d" % i for i in range(24)], rate=12)
    t.run()
    assert cb.received("INVITE") == 0, "800 ms are usual: nobody is moved"
    ca.answers.clear()
    late = t.caller(call(talk=0.2), name="late")
    before = len(ca.got("INVITE"))
    t.run()
    waited = t.gap(ca.got("INVITE")[before], cb.first("INVITE"))
    assert 0.8 < waited < 2.1, waited
    del late


def slow(raw, m):
    if len([x for x in raw.got("INVITE") if x["Call-ID"] == m["Call-ID"]]) == 1:
        raw.later(0.8, lambda: raw.reply(m, 486))
