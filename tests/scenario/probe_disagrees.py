# SPDX-License-Identifier: MIT
"""probe_disagrees (A82): a trunk stops answering OPTIONS and goes on answering calls: DEGRADED by probe_disagrees, not DOWN, and calls that have nowhere else to go still
go there. Once no call was answered for two intervals its silence counts: DOWN. Time runs ten times faster."""


def scenario(t):
    t.time_scale = 10
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200}, min_call_duration="0s")
    states = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    t.audio_strict = False
    t.caller([invite(), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.05), bye(rtp=False), recv(200)], numbers=["+4420718387%02d" % i for i in range(6)], rate=1)
    t.until(lambda: ca.received("INVITE") >= 1, 5)
    ca.answers.pop("OPTIONS")
    assert t.until(lambda: ("DEGRADED", "probe_disagrees") in states(), 6), states()
    t.run()
    assert ca.received("INVITE") == 6 and "DOWN" not in [s for s, _ in states()]
    # interval 3 s, twice that without an answer, and a probe that is due then
    assert t.until(lambda: states()[-1] == ("DOWN", "options_timeout"), 14), states()
