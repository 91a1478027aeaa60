# SPDX-License-Identifier: MIT
"""options_health (A59 A107): OPTIONS of a PBX get 200 while a route of it leads to a usable carrier, 503 with Retry-After once all are DOWN, 200 again when one is back. A carrier's OPTIONS,
a PBX without any route and one with options_health = false get 200 all along."""


def scenario(t):
    mood = {"code": 200}
    ca = t.silent("ca", {"OPTIONS": lambda raw, m: raw.reply(m, mood["code"]), "INVITE": 500}, probe={"interval": "1s", "down_interval": "1s", "timeout": "500ms", "up": 1},
                  breaker={"open": "1s", "min_uptime": "0s"})
    t.trunk("pbx1", "pbx", 1)
    t.trunk("pbx2", "pbx", 2, options_health=False)
    t.trunk("pbx3", "pbx", 3)
    t.profiles = {"out": {"targets": [{"trunk": "ca"}]}}
    t.routes = [{"name": "out-%s" % n, "from": n, "profile": "out"} for n in ("pbx1", "pbx2")]
    t.trunks["pbx1"]["sources"] = [t.ip(1) + "/32"]
    t.start()
    boxes = {n: t.tool("box%d" % n, host=n) for n in (1, 2, 3)}
    assert ask(t, boxes[1]).code == 200
    mood["code"] = 503
    for i in range(3):
        name = "i%d" % i
        boxes[1].say(boxes[1].begin("INVITE", "+44207183870%d" % i, (t.ip(3), 5060), name, tag=name, branch=name, body=boxes[1].sdp()), (t.ip(3), 5060))
    t.cdrs = 3
    assert t.until(lambda: ask(t, boxes[1]).code == 503, 10), t.verb("trunks")
    m = ask(t, boxes[1])
    assert m["Retry-After"] and int(m["Retry-After"]) > 0, m.text
    assert ask(t, boxes[2]).code == 200 and ask(t, boxes[3]).code == 200 and ask(t, ca, 4).code == 200
    assert t.figures()["counters"]["options_unusable"] >= 1
    mood["code"] = 200
    assert t.until(lambda: ask(t, boxes[1]).code == 200, 15), t.verb("trunks")


def ask(t, raw, net=3):
    """The answer to one OPTIONS."""
    call_id = "o%d" % len(raw.seen)
    raw.say(raw.begin("OPTIONS", "ping", (t.ip(net), 5060), call_id, branch=call_id), (t.ip(net), 5060))
    found = lambda: [m for m in raw.messages() if m.way == "in" and m.code and m["Call-ID"] == call_id]
    assert t.until(found, 3), "no answer to OPTIONS"
    return found()[0]
