# SPDX-License-Identifier: MIT
"""asr_drop (A32 A114): the answered calls of a trunk fall quietly from 80 to 20 %: one event asr_drop with both figures, DEGRADED, and its place kept; then its calls get short:
acd_drop. Nothing else says so: no code, no timeout."""


def scenario(t):
    t.audio_strict = t.trace = t.keep_audio = False
    t.top = {"log": {"level": "info"}, "limits": {"max_calls": 190}}
    up = [recv("INVITE"), send(180), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)]
    t.carrier("ca", {"1": up, "": refuse(486)})
    t.carrier("cb", up)
    drops = lambda: [(e["why"], e["last"], e["usual"]) for e in t.events("trunk.drop") if e["trunk"] == "ca"]
    done = 0

    def play(of_ten, calls, talk, host):
        nonlocal done
        good = ["+4420%06d1" % (1000 * host + i) for i in range(calls) if i % 10 < of_ten]
        bad = ["+4420%06d2" % (1000 * host + i) for i in range(calls) if i % 10 >= of_ten]
        steps = [invite(), recv(100, optional=True), recv(180), recv(200, rtp=False), ack(), pause(talk), bye(rtp=False), recv(200)]
        t.caller(steps, numbers=good, host=host, rate=4 * of_ten, name="good%d" % host)
        if bad:
            t.caller(fails(486), numbers=bad, host=host + 1, rate=4 * (10 - of_ten), name="bad%d" % host)
        done += calls
        assert t.until(lambda: len(t.cdr()) == done, 30)

    play(8, 100, 0.5, 2)
    assert not drops(), drops()
    play(2, 60, 0.5, 4)
    assert t.until(drops, 3) and len(drops()) == 1, drops()
    why, last, usual = drops()[0]
    assert why == "asr_drop" and 70 <= usual <= 90 and last < usual / 2 + 1, drops()
    assert ("DEGRADED", "asr_drop:%d" % last) in [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    play(10, 60, 0.01, 6)
    assert t.until(lambda: len(drops()) == 2, 3), drops()
    assert drops()[1][0] == "acd_drop", drops()
    t.run()
    assert {a["trunk"] for r in t.cdr() for a in r["attempts"]} == {"ca"}
