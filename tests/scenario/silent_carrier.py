# SPDX-License-Identifier: MIT
"""silent_carrier (A1 A28 A40 A101 A152 A74): the primary answered its probe, then says nothing any more. The first call is on the secondary about 500 ms
after its first INVITE, by silence to INVITE and both OPTIONS; the second and third skip the primary, which is DOWN by `silent` at once."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200})
    cb = t.carrier("cb", answer())
    t.start()
    assert t.until(lambda: any(e["trunk"] == "ca" and e["to"] == "UP" for e in t.events("trunk.state")), 4)
    ca.answers.clear()
    first = len(ca.got("OPTIONS"))
    pbx = t.caller(call(talk=0.3), numbers=["+442071838750", "+442071838751", "+442071838752"], rate=0.6)
    t.run()
    assert ca.received("INVITE") >= 1 and len({m["Call-ID"] for m in ca.got("INVITE")}) == 1
    assert 0.45 < t.gap(ca.first("INVITE"), cb.first("INVITE")) < 0.75
    checks = [m for m in ca.got("OPTIONS")[first:] if m.when < cb.first("INVITE").when]
    assert len(checks) == 2 and 0.15 < t.gap(ca.first("INVITE"), checks[0]) < 0.3
    for sent, tried in list(zip(pbx.sent("INVITE"), cb.got("INVITE")))[1:]:
        assert t.gap(sent, tried) < 0.1
    down = [e for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] == "DOWN"]
    assert len(down) == 1 and down[0]["why"] == "silent" and down[0]["clears"]
    assert pbx.received(200) >= 3
    skips = [d["targets"][0] for d in t.decisions() if "skip" in d["targets"][0]]
    assert [(s["trunk"], s["skip"], s["reason"]) for s in skips] == [("ca", "down", "silent")] * 2, skips
