# SPDX-License-Identifier: MIT
"""overflow (A27 A109): the primary takes ten calls a second and twelve at once, the backup one. What is too much goes on at once, without an INVITE
and without a failure counted; what is too much for both gets 503 with Retry-After at once; a call that ended makes room."""


def scenario(t):
    ca = t.carrier("ca", answer(), max_cps=10, max_calls=12)
    cb = t.carrier("cb", answer(), max_calls=1)
    t.start()
    burst = t.caller(call(talk=3), numbers=["+4420718387%02d" % i for i in range(11)], rate=200)
    assert t.until(lambda: burst.received("200 INVITE") == 11, 5), burst.errors()
    assert ca.received("INVITE") == 10 and cb.received("INVITE") == 1
    for sent, tried in zip(burst.sent("INVITE")[10:], cb.got("INVITE")):
        assert t.gap(sent, tried) < 0.2
    t.until(lambda: False, 1.1)  # another second, and by the call counts room for two more
    more = t.caller(call(talk=2), numbers=["+44207183880%d" % i for i in range(2)], rate=200, name="more", host=2)
    assert t.until(lambda: more.received("200 INVITE") == 2, 5), more.errors()
    assert ca.received("INVITE") == 12 and cb.received("INVITE") == 1
    full = t.caller(fails(503), numbers=["+44207183890%d" % i for i in range(3)], rate=200, name="full", host=3)
    assert full.wait(5) == 0, full.errors()
    for sent, told in zip(full.sent("INVITE"), full.got("503 INVITE")):
        assert t.gap(sent, told) < 0.2 and told["Retry-After"] == "1"
    assert ca.received("INVITE") == 12 and cb.received("INVITE") == 1
    assert not [e for e in t.events("trunk.state") if e["to"] in ("DOWN", "DEGRADED")]
    for peer in (burst, more):
        assert peer.wait(10) == 0, peer.errors()
    last = t.caller(call(talk=0.2), name="last", host=4)
    t.run()
    assert last.received("200 INVITE") == 1 and ca.received("INVITE") == 13
    skips = [d["targets"][0].get("skip") for d in t.decisions()]
    assert sorted(s for s in skips if s) == ["max_calls"] * 3 + ["max_cps"], skips
