# SPDX-License-Identifier: MIT
"""ramp_shown (A106): while a trunk comes back `kedge trunks` and the metrics show which share of its calls it gets, step by step, and `kedge health` that not all is well;
then it is UP with all of them. Time runs fifty times faster."""
import json
import exposition

RAMP = [1, 2, 5, 10, 25, 50, 100]


def scenario(t):
    t.time_scale = 50
    t.trunk("pbx1", "pbx", 1, probe={"method": "none"})  # nobody answers there
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503}, breaker={"consecutive": 1})
    t.carrier("cb", answer())
    t.caller(call(talk=0.1))
    t.run()
    ca.answers["INVITE"] = 486
    seen, shares, shown, warned = [], set(), set(), set()

    def look():
        o = json.loads(t.ask("/v1/trunks/ca"))["trunks"][0]
        if o["state"] == "TRIAL":
            assert o["steps"] == len(RAMP) and o["percent"] == RAMP[o["step"] - 1], o
            shown.add("gets %d %% of its calls, step %d of 7" % (o["percent"], o["step"]) in t.verb("trunks"))
            warned.add(json.loads(t.ask("/v1/health"))["status"])
        shares.add(exposition.Text(t.ask("/metrics")).value("kedge_trunk_share_ratio", trunk="ca"))
        if not seen or seen[-1] != (o["state"], o["percent"]):
            seen.append((o["state"], o["percent"]))
        return o["state"] == "UP"

    assert t.until(look, 40), seen
    steps = [p for s, p in seen if s == "TRIAL"]
    assert seen[0] == ("DOWN", 0) and seen[-1] == ("UP", 100), seen
    assert steps == sorted(steps) and len(set(steps)) >= 4 and set(steps) <= set(RAMP), seen
    assert shares <= {0} | {p / 100 for p in RAMP} and len(shares) >= 4, shares
    assert True in shown and "WARNING" in warned, (shown, warned)  # it may be UP by the time the second is asked
    assert json.loads(t.ask("/v1/health"))["status"] == "OK"
