# SPDX-License-Identifier: MIT
"""one_way_trunk (A97): a carrier that answers and never sends a packet is DEGRADED by one_way after media_dead of one call, and new calls prefer the secondary; one whose calls fall
silent is so after the third in a row; three calls with audio to their end bring it back. Time runs five times faster."""


def scenario(t):
    t.time_scale = 5
    t.audio_strict = False
    mute = [recv("INVITE"), send(180), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)]
    falls = [recv("INVITE"), send(180), send(200), recv("ACK"), pause(0.3), quiet(), recv("BYE"), send(200)]
    t.carrier("ca", mute, min_call_duration="0s")
    t.carrier("cb", {"9": falls, "": answer()}, min_call_duration="0s")
    t.profiles = {"out": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "alone": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": "out", "from": "pbx1", "prefix": "+441", "profile": "out"}, {"name": "alone", "from": "pbx1", "prefix": "+442", "profile": "alone"}]
    t.start()
    states = lambda name: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == name]
    ran = 0

    def play(numbers, talk, host, until):
        t.caller([invite(), recv(100, optional=True), recv(180), recv(200), ack(), pause(talk), bye(), recv(200)], numbers=numbers, host=host, rate=2, limit=1)
        nonlocal ran
        ran += len(numbers)
        assert t.until(lambda: len(t.cdr()) == ran, 20)
        assert t.until(lambda: states("cb" if until[0] != "ca" else "ca")[-1] == until[1:], 3), (states("ca"), states("cb"))

    play(["+4410000001"], 1.0, 1, ("ca", "DEGRADED", "one_way"))
    play(["+4410000002"], 0.2, 2, ("cb", "UP", states("cb")[-1][1]))
    assert [r["trunk"] for r in t.cdr()] == ["ca", "cb"]
    play(["+4420000019", "+4420000029"], 1.4, 3, ("cb", "UP", states("cb")[-1][1]))
    play(["+4420000039"], 1.4, 4, ("cb", "DEGRADED", "one_way"))
    play(["+4420000001", "+4420000002", "+4420000003"], 0.4, 5, ("cb", "UP", "cleared"))
    t.run()
