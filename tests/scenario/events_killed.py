# SPDX-License-Identifier: MIT
"""events_killed (A129 A103): kill -9 of the plane around a trunk's change of state, ten times, each another trunk's. Whatever state the successor finds, and whatever the
log told, the history has the line: whole, once, before anything acted on it, with evidence, figures and what would clear it."""
import json
import os
import signal
import time

ROUNDS = 10
# Behind the 503 that takes the trunk DOWN: before it is read, while it is, and later.
AFTER = [0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001, 0.0015, 0.002, 0.004, 0.01]


def lines(t):
    """The history as the disk has it: every line whole."""
    with open(t.folder + "/state/events.jsonl") as f:
        text = f.read()
    assert not text or text.endswith("\n"), "half a line: %r" % text[-200:]
    return [json.loads(line) for line in text.splitlines()]


def states(t):
    return {x["trunk"]: x for x in json.loads(t.ask("/v1/trunks"))["trunks"]}


def fall(t, i):
    """One call takes trunk c<i> DOWN; the plane is killed behind its 503."""
    pid = t.pid("sig")

    def refuse(raw, m):
        raw.reply(m, 503)
        time.sleep(AFTER[i])
        os.kill(pid, signal.SIGKILL)
    t.peers["c%d" % i].answers["INVITE"] = refuse
    body = t.tools.sdp()
    t.tools.say(t.tools.begin("INVITE", "+4420718387%02d" % i, t.kedge_at(), call_id="fall-%d" % i, body=body), t.kedge_at())
    assert t.until(lambda: (t.figures() or {"sig": {"starts": 0}})["sig"]["starts"] == i + 2, 20), "no successor"


def scenario(t):
    t.killed, t.sip_strict, t.cdrs = True, False, 0
    for i in range(ROUNDS):
        t.silent("c%d" % i, {"OPTIONS": 200}, breaker={"consecutive": 1})
    t.profiles = {"p%d" % i: {"targets": [{"trunk": "c%d" % i}]} for i in range(ROUNDS)}
    t.routes = [{"name": "r%d" % i, "from": "pbx1", "did": "+4420718387%02d" % i, "profile": "p%d" % i} for i in range(ROUNDS)]
    t.start()
    t.tools = t.tool("phone", net=1, host=1, port=5070)
    for i in range(ROUNDS):
        fall(t, i)
        told = [e for e in lines(t) if e["event"] == "state" and e["trunk"] == "c%d" % i and e["to"] == "DOWN"]
        assert len(told) < 2, told
        now = states(t)["c%d" % i]
        assert told or now["state"] != "DOWN", "c%d is DOWN, and no line says why" % i
    told = [e for e in lines(t) if e["event"] == "state" and e["to"] == "DOWN"]
    print("killed: %d of %d transitions were made before the plane was killed" % (len(told), ROUNDS))
    assert len(told) >= 3, "the kills came too early to prove anything"
    for e in told:
        assert e["code"] == 503 and e["why"] == "consecutive:503" and e["evidence"] and e["clears"] and e["from"] in ("UP", "UNKNOWN") and e["hold_ms"] > 0, e
        assert e["figures"]["attempts"] == 1 and e["trunk_state"] == "DOWN", e
    ids = [e["id"] for e in lines(t)]
    assert ids == sorted(set(ids))
    assert [e["starts"] for e in lines(t) if e["event"] == "start"] == list(range(1, ROUNDS + 2))
    text = t.ask("/metrics")
    assert "\nkedge_events_lost_total 0\n" in text
