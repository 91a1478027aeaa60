# SPDX-License-Identifier: MIT
"""relapse (A86 A136): a carrier that answers OPTIONS and refuses calls. Each time it is tried again two calls find that out, nobody has to do anything, and it is held
back twice as long: 1, 2, 4 s here, no longer than hold_max."""
from datetime import datetime


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503}, probe={"interval": "1s", "down_interval": "1s", "up": 1},
                  breaker={"open": "1s", "min_uptime": "1s", "hold_max": "4s", "ramp": [100], "window": []})
    t.silent("cb", {"OPTIONS": 200, "INVITE": 486})
    pbx = t.caller(fails(486), numbers=["+4420718%05d" % i for i in range(150)], rate=10)
    assert pbx.wait(30) == 0, pbx.errors()
    changes = [e for e in t.events("trunk.state") if e["trunk"] == "ca"]
    downs = [e for e in changes if e["to"] == "DOWN"]
    assert [e["why"] for e in downs][:4] == ["consecutive:503", "relapse:503", "relapse:503", "relapse:503"], changes
    held = [(at(b) - at(a)).total_seconds() for a, b in zip(changes, changes[1:]) if (a["to"], b["to"]) == ("DOWN", "TRIAL")]
    assert len(held) >= 3 and all(h >= least for h, least in zip(held, (1, 2, 4, 4))) and held[0] < held[2] < 12, held
    tried = len({m["Call-ID"] for m in ca.got("INVITE")})
    assert tried <= 3 + 2 * (len(downs) - 1) + 2, (tried, changes)


def at(e):
    return datetime.fromisoformat(e["time"])
