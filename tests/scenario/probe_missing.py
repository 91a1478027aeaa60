# SPDX-License-Identifier: MIT
"""probe_missing (A35 A139 A38 A74): a trunk that dies between two calls is found by its probes, an interval and two seconds later: options_timeout. The hundred calls
after that go to the secondary, and not one INVITE to the dead one. Time runs ten times faster."""
from datetime import datetime

CALLS = 100


def scenario(t):
    t.time_scale = 10
    t.keep_audio = t.audio_strict = False
    ca = t.silent("ca", {"OPTIONS": 200})
    cb = t.carrier("cb", [recv("INVITE"), send(180), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)], min_call_duration="0s")
    t.start()
    states = lambda: [e for e in t.events("trunk.state") if e["trunk"] == "ca"]
    assert t.until(lambda: states() and states()[-1]["to"] == "UP", 4)
    ca.answers.clear()
    died = datetime.now().timestamp()
    last = ca.got("OPTIONS")[-1].when
    assert t.until(lambda: states()[-1]["to"] == "DOWN", 8), states()
    assert states()[-1]["why"] == "options_timeout" and "probe" in states()[-1]["evidence"], states()[-1]
    down = datetime.fromisoformat(states()[-1]["time"]).timestamp()
    # 3 s and a tenth, then 0.1 s of timeout and twice 0.05 s of confirm
    assert down - last < 3.3 + 0.2 + 0.5, "%.2f s after the last good one, %.2f s after its death" % (down - last, down - died)
    missed = [m.when for m in ca.got("OPTIONS") if m.when > last][:3]
    assert 0.08 < missed[1] - missed[0] < 0.3 and 0.04 < missed[2] - missed[1] < 0.3, missed
    t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200, rtp=False), ack(), bye(rtp=False), recv(200)],
             numbers=["+4420718%05d" % i for i in range(CALLS)], rate=40)
    t.run()
    assert ca.received("INVITE") == 0 and cb.received("INVITE") == CALLS
