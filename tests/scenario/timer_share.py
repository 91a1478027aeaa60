# SPDX-License-Identifier: MIT
"""timer_share (A115): a carrier that swallows INVITEs makes no 5xx: that timers of kedge's end the calls is counted by timer, and told once their share of a window is over
alarm.timer_share, by timer; and once more when it is over. How long callers waited is in /metrics, by trunk (A98)."""
import json
import re

PERCENT = 30


def scenario(t):
    t.time_scale = 20
    mute = t.silent("mute", {"OPTIONS": 200})
    slow = t.silent("slow", {"OPTIONS": 200, "INVITE": 180, "CANCEL": cancelled})
    t.carrier("cb", answer())
    t.top["alarm"] = {"timer_share": PERCENT, "window": "5min"}  # of 15 s here
    t.profiles = {n: {"targets": [{"trunk": n}], "setup_budget": "3min"} for n in ("mute", "slow", "cb")}
    t.routes = [{"name": n, "from": "pbx1", "prefix": "+44%d" % i, "profile": n} for i, n in enumerate(("mute", "slow", "cb"))]
    t.start()
    pbx = t.tool()
    begun = 0

    def call(number):
        nonlocal begun
        begun += 1
        pbx.say(pbx.begin("INVITE", number, t.kedge_at(), "t%d" % begun, body=pbx.sdp()), t.kedge_at())

    def ended(n):
        return t.until(lambda: len(t.events("call.end")) >= n, 20)

    # Nobody answers in ring (120 s); nobody replies at all until timer B (32 s).
    for i in range(2):
        call("+441555%d" % i)
    for i in range(7):
        call("+440555%d" % i)
    assert ended(9) and not t.events("calls.timed_out"), t.events("calls.timed_out")
    n = t.figures()["counters"]
    assert (n["timed_out_first_response"], n["timed_out_ring"], n["timed_out_progress"], n["timed_out_budget"]) == (7, 2, 0, 0), n
    call("+4405559")
    assert t.until(lambda: t.events("calls.timed_out"), 20)
    told = t.events("calls.timed_out")
    assert [(e["timer"], e["state"]) for e in told] == [("first_response", "raised")], told
    assert int(told[0]["percent"]) == 80 and (int(told[0]["ended"]), int(told[0]["calls"])) == (8, 10), told

    # What the callers got says the same, and why.
    why = json.loads(t.verb("why", "+4405559", "--json"))
    assert why["decision"]["attempts"][0]["timer"] == "timer_b", why
    assert json.loads(t.verb("why", "+4415550", "--json"))["decision"]["attempts"][0]["timer"] == "ring"

    # Its window passes: it is over.
    assert t.until(lambda: len(t.events("calls.timed_out")) == 2, 30)
    assert t.events("calls.timed_out")[1]["state"] == "cleared", t.events("calls.timed_out")

    call("+4425550")
    assert t.until(lambda: pbx.got("200 INVITE"), 5)
    ok = pbx.got("200 INVITE")[0]
    pbx.answers = {"BYE": 200}
    pbx.say(pbx.follow(ok, "ACK", 1), t.kedge_at())
    pbx.say(pbx.follow(ok, "BYE", 2), t.kedge_at())
    assert ended(11)
    text = t.ask("/metrics")
    assert re.search(r'kedge_calls_timed_out_total\{timer="first_response"\} 8\n', text) and re.search(r'kedge_calls_timed_out_total\{timer="ring"\} 2\n', text), text
    for name in ("time_to_ringback", "time_to_answer", "session_request_delay"):
        assert re.search(r'kedge_trunk_%s_seconds_count\{trunk="cb"\} 1\n' % name, text), (name, text)
        assert re.search(r'kedge_trunk_%s_seconds_count\{trunk="mute"\} 0\n' % name, text), (name, text)
    assert re.search(r'kedge_trunk_time_to_ringback_seconds_count\{trunk="slow"\} 2\n', text) and re.search(r'kedge_trunk_time_to_answer_seconds_count\{trunk="slow"\} 0\n', text)
    assert re.search(r'kedge_trunk_time_to_answer_seconds_bucket\{trunk="cb",le="60"\} 1\n', text), text
    assert len(mute.got("INVITE")) >= 8 and len(slow.got("CANCEL")) == 2
    t.cdrs = 11


def cancelled(raw, m):
    raw.reply(m, 200)
    raw.reply(m, 487, method="INVITE")
