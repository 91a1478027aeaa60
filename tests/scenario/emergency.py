# SPDX-License-Identifier: MIT
"""emergency (A22 A27): 112 goes out though nothing else does: the PBX calls more often than it may, the only trunk takes one call at most, is DOWN, then locked by a Retry-After,
then taken out by the operator.
The record says emergency; an ordinary call at the same moment is refused each time, without an INVITE."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503}, max_calls=0)
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.0/24" % t.slot], invite_rate=1, invite_burst=1)
    again = {"max": 0}
    t.profiles = {"out": {"targets": [{"trunk": "ca"}], "retry_same": again}, "sos": {"targets": [{"trunk": "ca"}], "retry_same": again}}
    t.routes = [{"name": "out", "from": "pbx1", "profile": "out"}, {"name": "sos", "from": "pbx1", "did": "112", "profile": "sos"}]
    t.top["emergency"] = ["112"]
    t.start()
    pbx, kedge, n = t.tool("pbx", host=20), t.kedge_at(), [0]

    def call(number):
        """The final answer to a call, and how many INVITEs it made at ca."""
        n[0] += 1
        before, name = ca.received("INVITE"), "e%d" % n[0]
        text = pbx.begin("INVITE", number, kedge, name, tag=name, body=pbx.sdp(), branch=name)
        pbx.say(text, kedge)
        found = lambda: [m for m in pbx.messages() if m.way == "in" and m.code and m.code >= 200 and m["Call-ID"] == name]  # noqa: E731
        assert t.until(found, 4), (number, n)
        return found()[0].code, ca.received("INVITE") - before

    for _ in range(3):
        assert call("112")[1] == 1
    assert t.until(lambda: [e for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] == "DOWN"], 3)
    for _ in range(3):
        assert call("112")[1] == 1  # no panic_rate
    assert call("+442071838750")[1] == 0
    ca.answers["INVITE"] = lambda raw, m: raw.reply(m, 503, headers=("Retry-After: 60",))
    assert call("112")[1] == 1
    assert t.until(lambda: [e for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] == "LOCKED"], 3)
    assert call("112")[1] == 1
    t.verb("trunk", "ca", "down", "--reason", "works")
    assert t.until(lambda: [e for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] == "OFF"], 3)
    assert call("112")[1] == 1
    t.until(lambda: False, 1.1)  # its address may call again
    assert call("+442071838750") == (503, 0)
    t.cdrs = 11
    t.told("call.decision", t.cdrs)
    said = [d.get("emergency", False) for d in t.decisions()]
    assert said.count(True) == 9 and said.count(False) == 2, said
