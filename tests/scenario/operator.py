# SPDX-License-Identifier: MIT
"""operator (A57 A90): `kedge trunk ca drain`: no INVITE to ca from then on, while the call that is up goes on to its end. down beats answered probes and outlives
kill -9 of the plane, a reload and a restart of all of kedge; auto gives the trunk back, and so does the end
of an order's time. Each order and each change is in `kedge events`, with who, why and until when."""
import json
import os
import signal
import time


def trunk(t, name="ca"):
    return {x["trunk"]: x for x in json.loads(t.verb("trunks", "--json"))["trunks"]}[name]


def one_call(t, n):
    caller = t.caller(call(talk=0.1), numbers=["+44207183870%d" % n], host=2 + n)
    assert caller.wait(10) == 0, caller.errors()


def restart(t):
    """All of kedge, by SIGTERM."""
    t.kedge.send_signal(signal.SIGTERM)
    assert t.kedge.wait(10) == 0
    time.sleep(1)  # the kernel lets go of io_uring's sockets a moment after the process
    t.started = False
    t.start()
    assert t.until(t.figures, 5)


def scenario(t):
    t.killed = True
    ca, cb = t.carrier("ca", answer()), t.carrier("cb", answer())
    long = t.caller(call(talk=4), host=1)
    assert t.until(lambda: len(long.got("200 INVITE")) == 1, 5)
    out = t.verb("trunk", "ca", "drain", "--reason", "card swap", "--until", "2h")
    assert "DRAINING" in out and 'operator root: "card swap", until ' in out, out
    one_call(t, 0)
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1
    assert len(long.got("200 INVITE")) == 1 and not long.sent("BYE"), "the call that was up ended"
    assert t.verb("trunk", "ca", "down", "--reason", "no more") and trunk(t)["state"] == "OFF"
    assert long.wait(20) == 0, long.errors()
    assert t.until(lambda: len(t.cdr()) == 2, 5)
    os.kill(t.pid("sig"), signal.SIGKILL)
    assert t.until(lambda: (t.figures() or {"sig": {"starts": 0}})["sig"]["starts"] == 2, 10)
    one_call(t, 1)
    t.trunks["cb"]["max_calls"] = 50
    t.write_config()
    t.verb("reload")
    assert trunk(t)["state"] == "OFF" and trunk(t, "cb")["max_calls"] == 50
    assert '\nkedge_config_reloads_total{result="done"} 1\n' in t.ask("/metrics")
    restart(t)
    probes = trunk(t)["hops"][0]["probes_good"]
    assert t.until(lambda: trunk(t)["hops"][0]["probes_good"] > probes or trunk(t)["hops"][0]["probes_sent"] == 0, 3)
    state = trunk(t)
    assert state["state"] == "OFF" and state["operator"]["order"] == "down" and state["operator"]["reason"] == "no more" and state["operator"]["by"] == "root", state
    one_call(t, 2)
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 3
    assert json.loads(t.verb("trunk", "ca", "auto", "--json"))["kept"] is True
    assert trunk(t)["operator"] is None
    one_call(t, 3)
    assert ca.received("INVITE") == 2, "auto, and still no call"
    refusals(t)
    t.verb("trunk", "ca", "down", "--until", "1s")
    assert trunk(t)["state"] == "OFF" and t.until(lambda: trunk(t)["operator"] is None and trunk(t)["state"] != "OFF", 10), trunk(t)
    told(t)


def refusals(t):
    assert "no such trunk" in json.loads(t.ask("/v1/trunks/nobody", "PATCH", {"order": "down"}))["error"]
    for bad in ({}, {"order": "sideways"}, {"order": "down", "until": 5}, {"order": "down", "until": "soon"}, {"order": "auto", "until": 1e14}, {"order": 1},
                {"order": "down", "enabled": True}, {"order": "down", "reson": "x"}, {"order": "down", "reason": "x" * 96}, []):
        assert "error" in json.loads(t.ask("/v1/trunks/ca", "PATCH", bad)), bad
    assert json.loads(t.ask("/v1/trunks/ca", "PATCH", {"enabled": False}))["trunks"][0]["state"] == "DRAINING"
    assert json.loads(t.ask("/v1/trunks/ca", "PATCH", {"enabled": True}))["trunks"][0]["operator"] is None


def told(t):
    events = json.loads(t.verb("events", "--json"))
    assert events["lost"] == 0
    lines = [e for e in events["events"] if e["event"] in ("order", "state") and e["trunk"] == "ca"]
    orders = [(e["order"], e["by"], e["reason"]) for e in lines if e["event"] == "order"]
    assert orders == [("drain", "root", "card swap"), ("down", "root", "no more"), ("auto", "root", ""), ("drain", "root", ""), ("auto", "root", ""), ("down", "root", "")], orders
    assert [(e["trunk"], e["order"]) for e in events["events"] if e["event"] == "expired"] == [("ca", "down")]
    changes = [(e["from"], e["to"], e["why"]) for e in lines if e["event"] == "state"]
    for change in (("DRAINING", "operator:root"), ("OFF", "operator:root")):
        assert change in [c[1:] for c in changes], changes
    assert [e["by"] for e in events["events"] if e["event"] == "reload"] == ["root"]
    assert [e["starts"] for e in events["events"] if e["event"] == "start"] == [1, 2, 1]
    assert [e["id"] for e in events["events"]] == sorted({e["id"] for e in events["events"]})
    text = t.verb("events")
    assert 'ca  order drain by root: "card swap", until 2' in text and "-> OFF  operator:root" in text and "cleared by: the operator" in text, text
