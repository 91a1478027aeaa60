# SPDX-License-Identifier: MIT
"""calls_2000: two thousand calls are held, each of them heard both ways; five hundred go on talking all the time, not one packet lost; then all are ended,
and everything is back."""
import time

CALLS, TALKING, RATE, TALK_S = 2000, 500, 100, 32


def scenario(t):
    ports = "20000-%d" % (20000 + 2 * (CALLS * 5 // 4 + 64) + 1)
    t.top = {"limits": {"max_calls": CALLS}, "log": {"level": "info"},
             "interfaces": [{"name": "inside", "address": t.ip(3), "rtp_ports": ports}, {"name": "outside", "address": t.ip(4), "rtp_ports": ports}]}
    t.keep_audio, t.ends = False, CALLS
    ca = t.carrier("ca", answer(), ends=CALLS + 40)
    pbx = t.caller(call(talk=TALK_S), numbers=["+4420718%05d" % i for i in range(CALLS)], rate=RATE, limit=CALLS, user="1001")
    # Whoever is not to go on talking has said enough after two seconds. The carrier's SIPp counts our probes among its calls.
    begun = time.monotonic()
    for i in range(TALKING + 20, CALLS + 40):
        while time.monotonic() < begun + 2.5 + i / RATE:
            time.sleep(0.01)
        t.rtps["ca"].tell("stop %d" % (i + 1))
        t.rtps["caller1"].tell("stop %d" % (i + 1))
    assert t.until(lambda: t.media("sessions") == CALLS, 10), t.figures()
    print("%.1f KB of private memory per call" % (t.resident() / CALLS / 1024))
    t.run(90)
    assert pbx.received("200 INVITE") == CALLS and ca.received("BYE") == CALLS


def after(t):
    t.heard("caller1", 50, calls=CALLS)
    ends = t.heard("ca", 50, calls=CALLS)
    assert len([e for e in ends if e["heard"] > 50 * (TALK_S - 10)]) >= TALKING
