# SPDX-License-Identifier: MIT
"""trace_full (A157): more failed calls than the flight recorder has room for: its memory stays within admin.flight_mb, the oldest go first and are counted, the latest are
whole, and the plane's own memory does not follow the calls. KEDGE_TRACE_CALLS, 500; --long plays 10,000."""
import json
import os
import re

CALLS = int(os.environ.get("KEDGE_TRACE_CALLS", "500"))


def scenario(t):
    t.silent("ca", {"OPTIONS": 200, "INVITE": 486})
    t.top["admin"] = {"flight_mb": 1, "why_records": CALLS}
    numbers = ["+44%08d" % i for i in range(CALLS)]
    t.start()
    pbx = t.tool()
    at_half = None
    for i, number in enumerate(numbers):
        pbx.say(pbx.begin("INVITE", number, t.kedge_at(), "id%d-" % i, body=pbx.sdp() + "a=x-long:%s\r\n" % ("x" * 1000), branch="b%d" % i), t.kedge_at())
        if i % 50 == 49:
            assert t.until(lambda: finals(pbx) > i, 20), (i, finals(pbx))
        if i == CALLS // 2:
            at_half = figures(t)
    assert t.until(lambda: len(t.events("call.end")) == CALLS, 20)
    now = figures(t)
    print(at_half, now)
    assert now["bytes"] <= now["limit"] <= 1 << 20 and now["bytes"] > now["limit"] * 0.9, now
    assert now["evicted"] > 0 and now["evicted"] + now["kept"] == CALLS and now["left_out"] == 0, now
    assert at_half["evicted"] < now["evicted"], (at_half, now)

    # The latest are left; those of one batch end in any order.
    first = now["evicted"]
    for i, there in ((0, False), (first - 50, False), (first + 50, True), (CALLS - 1, True)):
        said = t.verb("trace", "id%d-" % i, "--json", ok=there)
        assert bool(said) == there, (i, first)
        if there:
            messages = [m for m in json.loads(said)["messages"] if "note" not in m]
            assert [m["text"].split()[0 if m["text"].startswith("INVITE") else 1] for m in messages][:2] == ["INVITE", "100"], messages
            # Where the machine is slow no port is left for a moment: 503. Nobody acknowledges it, so it is said again (RFC 3261 17.2.1).
            ends = [m["text"].split()[1] for m in messages if not m["again"] and m["text"].startswith(("SIP/2.0 486", "SIP/2.0 503"))]
            assert ends == ["486", "486"] or ends == ["503"], messages
        assert json.loads(t.verb("why", "id%d-" % i, "--json"))["code"] in (486, 503)
    t.cdrs = CALLS


def finals(pbx):
    return len({m["Call-ID"] for m in pbx.messages() if m.code and m.code >= 300})


def figures(t):
    text = t.ask("/metrics")
    found = {k: int(re.search(r"\nkedge_flight_%s (\d+)" % v, text).group(1))
             for k, v in (("bytes", "bytes"), ("limit", "limit_bytes"), ("evicted", "evicted_total"), ("left_out", "left_out_total"), ("kept", r'calls\{state="ended"\}'))}
    return found
