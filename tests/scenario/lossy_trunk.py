# SPDX-License-Identifier: MIT
"""lossy_trunk (A141): eight of a hundred RTP packets of the primary never come. After ten calls it is DEGRADED by loss, new calls prefer the secondary and a call that is up
stays where it is; ten calls without loss bring it back. Time does not run faster: audio does not either."""
import re

CALLS = 12


def scenario(t):
    t.carrier("ca", answer())
    t.carrier("cb", answer())
    t.audio_strict = False
    t.profiles = {"both": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "alone": {"targets": [{"trunk": "ca"}]}}
    t.routes = [{"name": "both", "from": "pbx1", "prefix": "+441", "profile": "both"}, {"name": "alone", "from": "pbx1", "prefix": "+442", "profile": "alone"}]
    t.start()
    states = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    t.rtps["ca"].tell("lose 8")
    stays = t.caller(call(talk=7), numbers=["+4410000000"], name="stays")
    t.caller(call(talk=1.6), numbers=["+441%07d" % i for i in range(1, CALLS + 1)], rate=20, host=2, name="lossy")
    assert t.until(lambda: len(t.cdr()) == CALLS, 15)
    assert t.until(lambda: states()[-1][0] == "DEGRADED", 2), states()
    word, percent = states()[-1][1].split(":")
    assert word == "loss" and 6 <= int(percent) <= 9, states()
    assert re.search(r" loss +%s %% +packets of its calls are lost " % percent, t.verb("health", ok=False)), t.verb("health", ok=False)
    assert "packets of its calls are lost (%s %%)" % percent in t.verb("trunks"), t.verb("trunks")
    t.caller(call(talk=0.3), numbers=["+4410000099"], host=3, name="prefers")
    assert t.until(lambda: len(t.cdr()) == CALLS + 1, 10)
    assert [r["trunk"] for r in t.cdr()] == ["ca"] * CALLS + ["cb"]
    assert not stays.received(486) and t.peers["cb"].received("INVITE") == 1
    t.rtps["ca"].tell("lose 0")
    t.caller(call(talk=1.6), numbers=["+442%07d" % i for i in range(CALLS)], rate=20, host=4, name="good")
    assert t.until(lambda: states()[-1] == ("UP", "cleared"), 15), states()
    t.run()


def after(t):
    assert next(r for r in t.cdr() if r["dst"] == "+4410000000")["trunk"] == "ca"
