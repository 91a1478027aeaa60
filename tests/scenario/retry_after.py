# SPDX-License-Identifier: MIT
"""retry_after (A124): 503 with Retry-After: 3, with a comment and a duration: for 3 s the carrier gets neither calls nor OPTIONS, then a probe at once, then its calls
again, all of them. 0, -1, and words are no time; 2^31 and 2^32 are as long as retry_after_max; 486 with Retry-After is the callee's."""
from datetime import datetime

ODD = {"c0": ("0", 0), "c1": ("-1", 0), "c2": ("soon", 0), "c3": ("2147483648", 9), "c4": ("4294967296", 9), "c5": ("7", 7), "c6": ("7;duration=60", 7)}


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": later("3 (maintenance);duration=60", 503)}, probe={"interval": "1s", "down_interval": "1s"})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": 486})
    for name, (value, _) in ODD.items():
        t.silent(name, {"OPTIONS": 200, "INVITE": later(value, 503)}, retry_after_max="9s", probe={"down_interval": "5s"})
    t.silent("busy", {"OPTIONS": 200, "INVITE": later("60", 486)})
    t.profiles = {n: {"targets": [{"trunk": n}, {"trunk": "cb"}]} for n in ("ca", "busy", *ODD)}
    t.routes = [{"name": n, "from": "pbx1", "prefix": "+44%d" % i, "profile": n} for i, n in enumerate(("ca", "busy", *ODD), 1)]
    t.trunk("pbx1", "pbx", 1)
    t.start()
    assert t.until(lambda: ca.received("OPTIONS") >= 1, 5)
    call(t, 1)
    locked = [e for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]
    assert (locked["to"], locked["why"]) == ("LOCKED", "retry_after") and 2900 <= locked["hold_ms"] <= 3000, locked
    began = datetime.fromisoformat(locked["time"]).timestamp()
    ca.answers["INVITE"] = 486
    assert t.until(lambda: call(t, 1) or ca.received("INVITE") == 2, 10)
    heard = [m.when - began for m in ca.seen if m.way == "in" and m.when > began + 0.1 and m.method in ("OPTIONS", "INVITE")]
    assert heard[0] >= 2.9, heard
    first = next(m for m in ca.seen if m.way == "in" and m.when > began + 0.1 and m.method in ("OPTIONS", "INVITE"))
    assert first.method == "OPTIONS" and heard[0] < 3.9, heard
    changes = [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    assert changes[-1] == ("UP", "lock_over"), changes
    seen = cb.received("INVITE")
    assert seen >= 2
    for i in range(2, 3 + len(ODD)):
        call(t, i)
    for name, (value, seconds) in ODD.items():
        hop = t.trunk_now(name)
        assert (hop["state"] == "LOCKED") == (seconds > 0), (name, value, hop)
        assert not seconds or seconds - 4 < hop["retry_in_ms"] / 1000 <= seconds, (name, value, hop)
    assert t.trunk_now("busy")["state"] == "UP"


def later(value, code):
    return lambda raw, m: raw.reply(m, code, headers=["Retry-After: " + value])


def call(t, route):
    name = "caller%d" % (len(t.callers) + 1)
    caller = t.caller(fails(486), numbers=["+44%d%05d" % (route, len(t.callers))], name=name, host=1 + len(t.callers))
    assert caller.wait(5) == 0, caller.errors()
