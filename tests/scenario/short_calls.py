# SPDX-License-Identifier: MIT
"""short_calls (A151): answered calls that the carrier ends before min_call_duration: four to four numbers, and ten to one number, leave it UP; the fifth number makes it DEGRADED, and
the next call is the secondary's; one longer call brings it back. Calls their callers end soon do not count. Time runs ten times faster: 6 s are 600 ms."""


def scenario(t):
    t.time_scale = 10
    t.audio_strict = False
    ends = [recv("INVITE"), send(180), send(200), recv("ACK"), pause(0.1), bye(), recv(200)]
    t.carrier("ca", {"9": answer(), "": ends})
    cb = t.carrier("cb", answer())
    t.profiles = {"out": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "alone": {"targets": [{"trunk": "ca"}]}}
    t.routes = [{"name": "out", "from": "pbx1", "prefix": "+441", "profile": "out"}, {"name": "alone", "from": "pbx1", "prefix": "+442", "profile": "alone"}]
    ended = [invite(), recv(100, optional=True), recv(180), recv(200), ack(), recv("BYE"), quiet(), send(200)]
    states = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    done = 0

    def play(steps, numbers, host):
        nonlocal done
        t.caller(steps, numbers=numbers, host=host, rate=20)
        done += len(numbers)
        assert t.until(lambda: len(t.cdr()) == done, 15)

    play(call(talk=0.1), ["+441%07d9" % i for i in range(6)], 1)
    play(ended, ["+44100000%02d" % i for i in range(10, 14)], 2)
    play(ended, ["+4410000010"] * 10, 3)
    assert states() == [("UP", states()[0][1])], states()
    play(ended, ["+4410000015"], 4)
    assert t.until(lambda: states()[-1] == ("DEGRADED", "short_calls"), 3), states()
    play(call(talk=0.1), ["+4410000016"], 5)
    assert cb.received("INVITE") == 1
    play(call(talk=0.8), ["+4420000009"], 6)
    assert t.until(lambda: states()[-1] == ("UP", "cleared"), 3), states()
    t.run()
