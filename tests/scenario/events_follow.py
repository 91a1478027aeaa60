# SPDX-License-Identifier: MIT
"""events_follow (A103): `kedge events --follow` shows each event as it happens, over a rotation by rename and a death of the plane. Where the history's disk is full calls go
on, and what is missing is counted in the metrics and said by `kedge events`."""
import json
import os
import signal
import subprocess


def follow(t):
    t.out = open(t.folder + "/follow", "w+")
    return subprocess.Popen([os.path.join(t.build, "kedge"), "events", "--follow", "--json", "-f", t.config], stdout=t.out, stderr=subprocess.DEVNULL,
                            env=dict(os.environ, KEDGE_TEST="1"))


def seen(t):
    with open(t.folder + "/follow") as f:
        return [json.loads(line) for line in f.read().splitlines()]


def orders(t):
    return [(e["trunk"], e["order"]) for e in seen(t) if e["event"] == "order"]


def scenario(t):
    t.killed = True
    t.carrier("ca", answer())
    t.start()
    p = follow(t)
    try:
        assert t.until(lambda: [e for e in seen(t) if e["event"] == "start"], 5)
        t.verb("trunk", "ca", "drain")
        assert t.until(lambda: orders(t) == [("ca", "drain")], 5), seen(t)
        os.rename(t.folder + "/state/events.jsonl", t.folder + "/state/events.jsonl.1")
        t.verb("trunk", "ca", "down")
        os.kill(t.pid("sig"), signal.SIGKILL)
        assert t.until(lambda: (t.figures() or {"sig": {"starts": 0}})["sig"]["starts"] == 2, 10)
        t.verb("trunk", "ca", "auto")
        assert t.until(lambda: orders(t) == [("ca", "drain"), ("ca", "down"), ("ca", "auto")], 5), seen(t)
        assert [e["starts"] for e in seen(t) if e["event"] == "start"] == [1, 2]
        ids = [e["id"] for e in seen(t)]
        assert ids == sorted(set(ids))
    finally:
        p.terminate()
        p.wait()
    full(t)


def full(t):
    os.remove(t.folder + "/state/events.jsonl")
    os.symlink("/dev/full", t.folder + "/state/events.jsonl")
    t.verb("trunk", "ca", "drain")
    t.verb("trunk", "ca", "auto")
    t.caller(call(talk=0.1))
    t.run()
    assert t.until(lambda: "\nkedge_events_lost_total 0\n" not in t.ask("/metrics"), 3)
    assert len(t.told("history.error")) == 1, "told once"
    done = subprocess.run([os.path.join(t.build, "kedge"), "events", "-f", t.config], capture_output=True, text=True, env=dict(os.environ, KEDGE_TEST="1"))
    assert done.returncode == 0 and "events are missing" in done.stderr, done
