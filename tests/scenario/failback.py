# SPDX-License-Identifier: MIT
"""failback (A88 A89): three carriers that refused calls and are well again: one with failback = manual, one whose failback_window is not now, one whose window is. Only the
third gets its calls back by itself; `kedge trunk NAME failback` lets the others go. Meanwhile calls that have nowhere else to go still go there."""
import json
import time

NAMES = ("hand", "night", "now")


def hours(a, b):
    return "-".join(time.strftime("%H:%M", time.localtime(time.time() + 3600 * h)) for h in (a, b))


def scenario(t):
    quick = {"open": "1s", "min_uptime": "0s", "ramp": [], "ramp_step": "0s"}
    probe = {"interval": "1s", "down_interval": "1s", "up": 1}
    how = {"hand": {"failback": "manual"}, "night": {"failback_window": hours(3, 5)}, "now": {"failback_window": hours(-2, 2)}}
    own = {n: t.silent(n, {"OPTIONS": 200, "INVITE": 503}, probe=probe, breaker={**quick, **how[n]}) for n in NAMES}
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": 486})
    t.profiles = {n: {"targets": [{"trunk": n}, {"trunk": "cb"}]} for n in NAMES}
    t.profiles["alone"] = {"targets": [{"trunk": "hand"}]}
    t.routes = [{"name": n, "from": "pbx1", "prefix": "+44%d" % i, "profile": n} for i, n in enumerate((*NAMES, "alone"), 1)]
    for i in (1, 2, 3):
        calls(t, i, 3)
    for raw in own.values():
        raw.answers["INVITE"] = 486
    assert t.until(lambda: t.trunk_now("now")["state"] == "UP", 10), t.verb("trunks")
    assert t.until(lambda: all(t.trunk_now(n)["hops"][0]["waits_for_failback"] for n in ("hand", "night")), 10), t.verb("trunks", "--json")
    for i in (1, 2, 3):
        calls(t, i, 2)
    assert [own[n].received("INVITE") for n in NAMES] == [3, 3, 5] and cb.received("INVITE") == 13
    calls(t, 4, 5)
    assert own["hand"].received("INVITE") == 8, "a trunk that only waits is better than none"
    assert "no such trunk" in json.loads(t.ask("/v1/trunks/nobody/failback", "POST", {}))["error"]
    assert json.loads(t.verb("trunk", "now", "failback", "--json"))["back"] == 0
    for n in ("hand", "night"):
        assert json.loads(t.verb("trunk", n, "failback", "--json"))["back"] == 1
        assert t.until(lambda: t.trunk_now(n)["state"] == "UP", 5), t.verb("trunks")
    for i in (1, 2):
        calls(t, i, 1)
    assert [own[n].received("INVITE") for n in NAMES] == [9, 4, 5]
    told = [e for e in json.loads(t.verb("events", "--json"))["events"] if e["event"] == "failback"]
    assert [(e["trunk"], e["hops"]) for e in told] == [("now", 0), ("hand", 1), ("night", 1)] and told[0]["by"], told


def calls(t, route, n):
    name = "caller%d" % (len(t.callers) + 1)
    caller = t.caller(fails(486), numbers=["+44%d%05d" % (route, i) for i in range(n)], name=name, host=1 + len(t.callers), limit=1, rate=20)
    assert caller.wait(10) == 0, caller.errors()
