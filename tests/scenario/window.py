# SPDX-License-Identifier: MIT
"""window (A19 A24 A121 A122 A74): a stray 503 moves its call and no more; a success in between begins the count anew, yet the fifth failure within a minute takes
the carrier DOWN. Twenty busy callees are none of its failures."""


def scenario(t):
    plan = [503, 180] + [486] * 20 + [503, 503, 180, 503, 503]

    def by_plan(raw, m):
        code = plan[min(len({x["Call-ID"] for x in raw.got("INVITE")}), len(plan)) - 1]
        if code == 180:  # it rings: a success, whatever comes then
            raw.reply(m, 180)
        raw.reply(m, code if code != 180 else 486)

    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": by_plan})
    t.silent("cb", {"OPTIONS": 200, "INVITE": 486})
    t.caller(rejected(), numbers=["+4420718%05d" % i for i in range(len(plan) - 1)], rate=20, limit=1).wait(20)
    now = t.trunk_now("ca")
    assert now["state"] == "UP" and now["hops"][0]["consecutive_failures"] == 1, now
    t.caller(rejected(), numbers=["+442071899999", "+442071899998"], name="last", host=2, limit=1)
    t.run()
    changes = [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    assert changes in ([("UP", how), ("DOWN", "window:503")] for how in ("probed", "answered")), changes  # whichever comes first
    assert len({m["Call-ID"] for m in ca.got("INVITE")}) == len(plan)


def rejected():
    return [invite(), recv(100, optional=True), recv(180, optional=True), recv(486), ack()]
