# SPDX-License-Identifier: MIT
"""blocked_backup (A31 A91): the primary refuses after early media, the backup answers, and not a packet of its audio comes. It is found within media_dead of the answer: an event, and the backup is
DEGRADED with its reason; the caller hears low noise from then on, in the same stream, and keeps its call. Time runs five times faster: media_dead is 0.6 s."""
from datetime import datetime


def scenario(t):
    t.time_scale = 5
    t.audio_strict = False
    t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.5), send(503), recv("ACK")])
    t.carrier("cb", [recv("INVITE"), send(100), send(180), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)], min_call_duration="0s")
    t.targets = ["ca", "cb"]
    t.start()
    caller = t.caller(call(talk=2.5), name="caller")
    assert t.until(lambda: t.events("media.one_way"), 10)
    found = t.events("media.one_way")[0]
    assert (found["trunk"], found["end"]) == ("cb", "callee"), found
    after_s = datetime.fromisoformat(found["time"]).timestamp() - caller.first(200).when
    assert 0.5 < after_s < 1.6, "%.2f s" % after_s
    assert t.until(lambda: [e["why"] for e in t.events("trunk.state") if e["trunk"] == "cb" and e["to"] == "DEGRADED"] == ["one_way"], 3)
    t.run()
    assert len(caller.sent("BYE")) == 1 and not caller.got("BYE"), "the call was cut"


def after(t):
    noise = t.rtps["caller"].total("unstamped")
    assert noise >= 60, "%d packets of noise in 1.9 s" % noise
    assert t.cdr()[0]["trunk"] == "cb"
