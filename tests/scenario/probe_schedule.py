# SPDX-License-Identifier: MIT
"""probe_schedule (A34 A142): twelve trunks: each is asked within a second of the start and then every interval, 10 % more or less and never in step; all stand in `kedge trunks` from the
beginning, UNKNOWN, and carry calls. One that the operator lets run empty is asked on, one that is out or LOCKED by Retry-After is not. Time runs twenty times faster."""

TRUNKS = 12


def scenario(t):
    t.time_scale = 20
    raws = [t.silent("c%02d" % i, {"OPTIONS": 200, "INVITE": 486}) for i in range(TRUNKS)]
    t.start()
    began = t.events("run.ready")
    t.caller(fails(486))
    t.run()
    assert len(t.verb("trunks").splitlines()) >= TRUNKS
    assert t.until(lambda: all(len(r.got("OPTIONS")) >= 11 for r in raws), 30)
    first = min(r.first("OPTIONS").when for r in raws)
    assert max(r.first("OPTIONS").when for r in raws) - first < 1.0 / 20 + 0.3
    gaps = [b.when - a.when for r in raws for a, b in zip(r.got("OPTIONS")[:11], r.got("OPTIONS")[1:11])]
    off = [g for g in gaps if not 30 * 0.9 / 20 - 0.02 < g < 30 * 1.1 / 20 + 0.3]
    assert not off and max(gaps) - min(gaps) > 0.1, (min(gaps), max(gaps))
    assert sum(gaps) / len(gaps) < 30 / 20 + 0.1
    operator(t, raws)


def operator(t, raws):
    t.verb("trunk", "c00", "drain")
    t.verb("trunk", "c01", "down")
    raws[2].answers["INVITE"] = lambda raw, m: raw.reply(m, 503, headers=["Retry-After: 300"])
    states = lambda name: [e["to"] for e in t.events("trunk.state") if e["trunk"] == name]
    t.caller(fails(486), host=2)
    t.run()
    assert t.until(lambda: (states("c00")[-1], states("c01")[-1], states("c02")[-1]) == ("DRAINING", "OFF", "LOCKED"), 3)
    before = [len(r.got("OPTIONS")) for r in raws]
    assert t.until(lambda: len(raws[0].got("OPTIONS")) >= before[0] + 3, 15)
    asked = [len(r.got("OPTIONS")) - n for r, n in zip(raws, before)]
    assert asked[1] <= 1 and asked[2] <= 1, asked  # one may have been on its way
