# SPDX-License-Identifier: MIT
"""dead_port (A28): nobody listens at the primary: ICMP ends the try at once, without waiting for silence; the third takes it DOWN.
When `open` is over it may be tried again, but nothing says that it is UP; it is not, and one call takes it DOWN again."""


def scenario(t):
    t.absent("ca", breaker={"open": "2s", "ramp": [100], "ramp_step": "0s"})
    cb = t.carrier("cb", answer())
    pbx = t.caller(call(talk=0.1), numbers=["+44207183875%d" % i for i in range(4)], rate=4)
    t.run()
    for sent, tried in zip(pbx.sent("INVITE"), cb.got("INVITE")):
        assert t.gap(sent, tried) < 0.2
    states = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    assert t.until(lambda: states()[:1] == [("DOWN", "consecutive")], 3), states()
    assert [e for e in t.events("trunk.state") if e["to"] == "DOWN"][0]["evidence"] == "unreachable"
    assert t.until(lambda: len(states()) > 1, 6) and states()[1:2] == [("TRIAL", "trial:100")], states()
    never = "never heard; its hold is over, calls may try it"
    assert t.trunk_now("ca")["hops"][0]["evidence"] == never and never in t.verb("trunks") and never in t.verb("health", ok=False), (t.verb("trunks"), t.verb("health", ok=False))
    t.caller(call(talk=0.1), name="again")
    t.run()
    assert cb.received("INVITE") == 5 and t.until(lambda: states()[2:] == [("DOWN", "consecutive")], 3), states()
