# SPDX-License-Identifier: MIT
"""canary_audio (A77): a canary counts only if the echo number gave RTP both ways and the digits 1 2 3. A good echo is "audio", also behind an announcement, with digits as tones where the answer
has no telephone-event; an end that answers and says nothing is one_way, one that speaks but does not echo is no_echo, a milliwatt number too, one that loses or changes digits is
no_dtmf: all DEGRADED by that word, and each said in events, history, trunks and metrics. One that rings and never answers is CANCELled: signaling only. None of these calls is recorded, though the trunk's are. Time of the trunks runs sixty
times faster."""
import os
import re

from echo import Echo

ECHO = "+441512227777"


def scenario(t):
    t.time_scale = 60
    recordings = os.path.join(t.folder, "recordings")
    os.mkdir(recordings)
    t.top["media"] = {"record_dir": recordings}
    mode = {"c1": "echo", "c2": "silent", "c3": "digitless", "c4": "wrong", "c5": "tones", "c6": "deaf", "c7": "slow", "c9": "milliwatt"}
    own = {"canary_idle": "1min", "probe": {"method": "OPTIONS", "number": ECHO, "timeout": "30s"}}
    recorded = {"c1": {"record": True}}
    rings = {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 180), "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))}
    raws = {name: t.silent(name, {"OPTIONS": 200}, **own, **recorded.get(name, {})) for name in mode}
    c8 = t.silent("c8", rings, **own)
    echoes = {name: Echo(raws[name], 21000 + 10 * i, mode[name]) for i, name in enumerate(mode)}
    t.start()
    told = lambda name: [(e["verdict"], e.get("why", "")) for e in t.events("trunk.canary") if e["trunk"] == name]
    assert t.until(lambda: all(told(n) for n in [*mode, "c8"]), 30), t.events("trunk.canary")
    first = {n: told(n)[0] for n in [*mode, "c8"]}
    assert first == {"c1": ("audio", ""), "c2": ("failed", "one_way"), "c3": ("failed", "no_dtmf"), "c4": ("failed", "no_dtmf"), "c5": ("audio", ""), "c6": ("failed", "no_echo"),
                     "c7": ("audio", ""), "c8": ("signaling_only", "not_answered"), "c9": ("failed", "no_echo")}, first
    states = lambda name: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == name]
    for name, why in (("c2", "one_way"), ("c3", "no_dtmf"), ("c4", "no_dtmf"), ("c6", "no_echo"), ("c9", "no_echo")):
        assert ("DEGRADED", why) in states(name), (name, states(name))
    for name in ("c1", "c5", "c7", "c8"):
        assert {s for s, _ in states(name)} <= {"UP"}, (name, states(name))
    assert echoes["c1"].events[:3:1] and set(echoes["c1"].events) == {1, 2, 3} and not echoes["c5"].events
    assert echoes["c1"].packets > 30 and c8.received("CANCEL") >= 1 and all(t.until(lambda: r.received("BYE") >= 1, 5) for r in raws.values())
    assert all(r.received("ACK") >= 1 for r in raws.values())
    offer = raws["c1"].first("INVITE").body
    assert "telephone-event" in offer and "PCMA" in offer and "inactive" not in offer, offer
    now = t.trunk_now("c2")["hops"][0]["canary"]
    assert now["verdict"] == "one_way" and now["code"] == 200 and now["count"]["one_way"] >= 1, now
    assert t.trunk_now("c1")["hops"][0]["canary"]["verdict"] == "audio"
    shown = t.verb("trunks", "c3")
    assert "no_dtmf" in shown and "digits" in shown, shown
    metrics = t.ask("/metrics")
    for name, result in (("c1", "audio"), ("c6", "no_echo"), ("c8", "signaling_only")):
        assert re.search(r'^kedge_trunk_canaries_total\{trunk="%s",result="%s"\} [1-9]' % (name, result), metrics, re.M), (name, result)
    assert re.search("c6 .*test call: failed \\(200\\), no_echo", t.verb("events")), t.verb("events")
    # One that is mended is UP again: its next test calls clear what stood against it.
    for e in echoes.values():
        e.mode = "echo"
    assert t.until(lambda: ("UP", "cleared") in states("c3") and ("UP", "cleared") in states("c2"), 25), (states("c2"), states("c3"), told("c2"), told("c3"))
    for raw in (*raws.values(), c8):
        raw.answers["INVITE"] = 486
    assert t.until(t.idle, 20), t.status
    for e in echoes.values():
        e.stop()
    assert not os.listdir(recordings), os.listdir(recordings)
    t.cdrs = 0
    t.audio_strict = False
