# SPDX-License-Identifier: MIT
"""ports_used_up (A27): fewer RTP ports than calls ask for. A caller for whom no second port is left gets a 503 within a second: nothing goes out
for him, a counter says why. One more pair would be his first only: that is not enough, and it comes back. So do those of
ended calls: two rounds, flat."""

CALLS, PAIRS = 8, 9  # both sides of a call on one interface: pairs for four calls and half of a fifth
FIT = PAIRS // 2


def one_round(t, n):
    refused = t.figures()["counters"]["refused_no_port"]
    held = t.caller(call(talk=2.5), numbers=["+4420718%d%04d" % (n, i) for i in range(FIT)], rate=40, name="held%d" % n, user="20%02d" % n)
    assert t.until(lambda: len(held.sent("ACK")) == FIT, 5), held.errors()
    late = t.caller([invite(), recv(100, optional=True), recv(503), ack()], numbers=["+44207183%04d" % (n * 100 + i) for i in range(5)], rate=10,
                    name="late%d" % n, user="30%02d" % n)
    assert late.wait(5) == 0, late.errors()
    for asked, told in zip(late.sent("INVITE"), late.got("503 INVITE")):
        assert t.gap(asked, told) < 1 and told["Retry-After"]
    assert t.figures()["counters"]["refused_no_port"] == refused + 5, t.figures()
    assert t.media("sessions") == FIT
    assert held.wait(10) == 0, held.errors()
    assert t.until(lambda: t.media("sessions") == 0 and t.media("ports_lent") == 0, 5), t.figures()


def scenario(t):
    t.top["limits"] = {"max_calls": CALLS}
    t.top["media"] = {"port_rest": "50ms"}
    t.top["interfaces"] = [{"name": "inside", "address": t.ip(3), "rtp_ports": "22000-%d" % (22000 + 2 * PAIRS - 1)}]
    t.trunk("pbx1", "pbx", 1)
    pbx2 = t.pbx(answer(), name="pbx2")
    t.routes = [{"name": "over", "from": "pbx1", "profile": "over"}]
    t.profiles = {"over": {"targets": [{"trunk": "pbx2"}]}}
    t.start()
    assert t.until(lambda: t.media("ports_free") == PAIRS, 5), t.figures()
    for n in (1, 2):
        one_round(t, n)
        assert t.until(lambda: t.media("ports_free") == PAIRS, 5), t.figures()
    t.run()
    assert pbx2.received("INVITE") == 2 * FIT
    assert [d["result"] for d in t.decisions()].count("no_means") == 10


def after(t):
    t.heard("pbx2", 90, calls=2 * FIT)
