# SPDX-License-Identifier: MIT
"""unheard (A31 A97): who hears nothing says hello twice and hangs up, long before media_dead. Calls of a second say nothing; one that lasts for half of media_dead without a packet from
the carrier is no proof yet; a second one, to another number, makes the carrier DEGRADED by one_way, and new calls prefer the other."""


def scenario(t):
    t.audio_strict = False
    t.top["media"] = {"media_dead": "6s"}
    t.carrier("ca", [recv("INVITE"), send(180), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)], min_call_duration="0s")
    t.carrier("cb", answer())
    t.targets = ["ca", "cb"]
    t.start()
    state = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]  # noqa: E731
    ran = 0

    def play(talk, *numbers):
        nonlocal ran
        t.caller(call(talk=talk), numbers=numbers, host=1 + ran)
        ran += len(numbers)
        assert t.until(lambda: len(t.cdr()) == ran, 20)

    play(1, "+441000019", "+441000029", "+441000039", "+441000049")
    assert state()[0] == "UP", state()
    play(4.5, "+441000059")
    assert state()[0] == "UP", state()
    play(4.5, "+441000069")
    assert t.until(lambda: state() == ("DEGRADED", "one_way"), 3), state()
    assert not t.events("media.one_way") and "two of its last ten calls" in [e for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]["evidence"]
    play(0.3, "+441000079")
    assert [r["trunk"] for r in t.cdr()] == ["ca"] * 6 + ["cb"]
    t.run()
