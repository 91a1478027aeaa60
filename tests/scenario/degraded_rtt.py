# SPDX-License-Identifier: MIT
"""degraded_rtt (A141): a trunk that answers later than degraded_rtt, ten times, is DEGRADED with the figure in its reason, and new calls prefer the secondary; ten answers
below 80 % of it bring it back to its place. One late answer of ten says nothing. Time runs ten times faster, but for degraded_rtt."""


def scenario(t):
    t.time_scale = 10
    slow = {"after": 0.0}
    ca = t.silent("ca", {"OPTIONS": lambda raw, m: raw.later(slow["after"], lambda: raw.reply(m, 200)), "INVITE": 486}, degraded_rtt="150ms", probe={"interval": "3s", "timeout": "3s"})
    cb = t.carrier("cb", answer())
    t.start()
    states = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    asked = lambda n: t.until(lambda: len(ca.got("OPTIONS")) >= n, 8)
    assert asked(9)
    slow["after"] = 0.2
    asked(len(ca.got("OPTIONS")) + 1)
    slow["after"] = 0.0
    asked(len(ca.got("OPTIONS")) + 4)
    assert states() == [("UP", "probed")], states()
    slow["after"] = 0.18
    assert t.until(lambda: states()[-1][0] == "DEGRADED", 12), states()
    word, ms = states()[-1][1].split(":")
    assert word == "rtt" and 180 <= int(ms) < 300, states()
    t.caller(call(talk=0.1))
    t.run()
    assert cb.received("INVITE") == 1 and ca.received("INVITE") == 0
    slow["after"] = 0.0
    assert t.until(lambda: states()[-1] == ("UP", "cleared"), 12), states()
    t.caller(fails(486), host=2)
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1
