# SPDX-License-Identifier: MIT
"""slots_used_up (A27): limits.max_calls calls are up: the next callers get a 503 with Retry-After within a second, a counter and an event say
why, and the calls that are up do not notice. All slots come back: two rounds, flat."""

CALLS = 8


def one_round(t, n, pbx_numbers):
    refused = t.figures()["counters"]["refused_no_slot"]
    held = t.caller(call(talk=2.5), numbers=pbx_numbers, rate=40, name="held%d" % n, user="20%02d" % n)
    assert t.until(lambda: len(held.sent("ACK")) == CALLS, 5), held.errors()
    late = t.caller([invite(), recv(100, optional=True), recv(503), ack()], numbers=["+44207183%04d" % (n * 100 + i) for i in range(5)], rate=40,
                    name="late%d" % n, user="30%02d" % n)
    assert late.wait(5) == 0, late.errors()
    for asked, told in zip(late.sent("INVITE"), late.got("503 INVITE")):
        assert t.gap(asked, told) < 1 and told["Retry-After"]
    f = t.figures()
    assert f["counters"]["refused_no_slot"] == refused + 5 and f["calls"] == CALLS, f
    assert t.media("sessions") == CALLS
    assert held.wait(10) == 0, held.errors()
    assert t.until(lambda: t.media("sessions") == 0 and t.media("ports_lent") == 0, 5), t.figures()


def scenario(t):
    t.top["limits"] = {"max_calls": CALLS}
    t.top["media"] = {"port_rest": "200ms"}
    ca = t.carrier("ca", answer())
    t.start()
    assert t.until(lambda: t.media("ports_free") > 0, 5)
    free = t.media("ports_free")
    for n in (1, 2):
        one_round(t, n, ["+4420718%d%04d" % (n, i) for i in range(CALLS)])
        assert t.until(lambda: t.media("ports_free") == free, 5), (free, t.figures())
    t.cdrs = 2 * CALLS
    t.run()
    assert ca.received("INVITE") == 2 * CALLS
    assert len([e for e in t.told("call.refused", 10) if e["why"] == "max_calls"]) == 10


def after(t):
    t.heard("ca", 90, calls=2 * CALLS)
