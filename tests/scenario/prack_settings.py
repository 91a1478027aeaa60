# SPDX-License-Identifier: MIT
"""prack_settings: rel100 of each trunk. A caller that requires 100rel where it is "no" gets 420 and the name of it; where it is "require" a caller without it gets 421. Carriers are offered it,
not offered it, or told that it is required. An extension nobody knows is named alone."""


def scenario(t):
    t.pbx(name="off", sources=["127.%d.1.9/32" % t.slot], rel100="no")
    t.pbx(name="must", sources=["127.%d.1.10/32" % t.slot], rel100="require")
    carriers = [t.silent(n, {"OPTIONS": 200, "INVITE": 486}, rel100=how) for n, how in (("ca", "no"), ("cb", "auto"), ("cc", "require"))]
    t.profiles = {n: {"targets": [{"trunk": n}]} for n in ("ca", "cb", "cc")}
    t.routes = [{"name": "%s-%s" % (b, n), "from": b, "prefix": "+44%d" % i, "profile": n} for b in ("off", "must") for i, n in enumerate(("ca", "cb", "cc"))]
    t.start()
    off, must = t.tool("one", host=9), t.tool("two", host=10)
    kedge = (t.ip(3), 5060)
    asked = []

    def ask(raw, number, headers):
        asked.append(raw)
        raw.say(raw.begin("INVITE", number, kedge, call_id="c%d" % len(asked), tag="t%d" % len(asked), body=raw.sdp("0"), headers=headers), kedge)
        last = lambda: [m for m in raw.messages() if m.way == "in" and m["Call-ID"] == "c%d" % len(asked) and m.code and m.code >= 200]
        assert t.until(last, 3)
        return last()[0]
    m = ask(off, "+440", ["Require: 100rel, nonsense"])
    assert m.code == 420 and m["Unsupported"].replace(" ", "") == "100rel,nonsense", m.text
    m = ask(must, "+440", ["Require: 100rel, nonsense"])
    assert m.code == 420 and m["Unsupported"] == "nonsense", m.text
    m = ask(must, "+440", [])
    assert m.code == 421 and m["Require"] == "100rel", m.text
    for i in range(3):
        assert ask(off, "+44%d" % i, ["Supported: 100rel"]).code == 486
    assert ask(must, "+440", ["Supported: 100rel"]).code == 486
    assert ["100rel" in ",".join(c.first("INVITE").all("Supported")) for c in carriers] == [False, True, True]
    assert [c.first("INVITE")["Require"] for c in carriers] == [None, None, "100rel"]
    t.cdrs = 4
    t.audio_strict = False
