# SPDX-License-Identifier: MIT
"""codes_480 (A14 A45 A120 A137): each carrier in its own way: 480 stops by default and goes on where codes.next names it, 503 goes on and 408 stops where codes.stop names it,
a 404 that codes.map takes for 503 is a path failure: the next one is called, and as the third failure in a row it takes the trunk DOWN."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": by_number})
    cx = t.silent("cx", {"OPTIONS": 200, "INVITE": by_number}, codes={"next": "480", "stop": "408", "map": ["404:503"]})
    cb = t.carrier("cb", answer())
    t.profiles = {"plain": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "own": {"targets": [{"trunk": "cx"}, {"trunk": "cb"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": p, "profile": n} for n, p in (("plain", "+441"), ("own", "+442"))]
    plays = (("+441480", 480, 0), ("+442480", 200, 1), ("+441408", 200, 1), ("+442408", 408, 0), ("+441503", 200, 1), ("+442503", 200, 1), ("+441404", 404, 0))
    plays += (("+442404", 200, 1),) * 3
    for i, (number, code, moved) in enumerate(plays):
        before = cb.received("INVITE")
        t.caller(call(talk=0.2) if code == 200 else fails(code), numbers=["%s%d" % (number, i)], host=i + 1)
        t.run()
        assert cb.received("INVITE") == before + moved, number
    assert ca.received("INVITE") == 4 and cx.received("INVITE") == 4
    assert t.until(lambda: [e for e in t.events("trunk.state") if e["trunk"] == "cx" and e["to"] == "DOWN"], 3)
    assert not [e for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] == "DOWN"]


def by_number(raw, m):
    raw.reply(m, int(m.text.split("sip:+44")[1][1:4]))
