# SPDX-License-Identifier: MIT
"""ports_rest_less (A27): calls come and go faster than rtp_ports and media.port_rest allow: 24 short ones over 9 pairs that should rest for a minute each.
Nobody is refused; the log says once that pairs rest less, and the counter how many did."""

CALLS, PAIRS = 24, 9


def scenario(t):
    t.top["limits"] = {"max_calls": 8}
    t.top["media"] = {"port_rest": "60s"}
    t.top["interfaces"] = [{"name": "inside", "address": t.ip(3), "rtp_ports": "22000-%d" % (22000 + 2 * PAIRS - 1)}]
    t.trunk("pbx1", "pbx", 1)
    t.pbx(answer(), name="pbx2")
    t.routes = [{"name": "over", "from": "pbx1", "profile": "over"}]
    t.profiles = {"over": {"targets": [{"trunk": "pbx2"}]}}
    t.start()
    assert t.until(lambda: t.media("ports_free") == PAIRS, 5), t.figures()
    caller = t.caller(call(talk=0.5), numbers=["+442071837%03d" % i for i in range(CALLS)], rate=20, limit=3)
    assert caller.wait(30) == 0, caller.errors()
    assert t.figures()["counters"]["refused_no_port"] == 0
    assert t.media("rest_cut") >= CALLS, t.figures()
    t.run()
    told = t.events("media.rest_cut")
    assert len(told) == 1 and told[0]["pairs"] == PAIRS and told[0]["rest_ms"] == 60000, told
