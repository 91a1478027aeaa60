# SPDX-License-Identifier: MIT
"""live (A138): what the operator sees while calls are up: trunks with their states and why, calls with both ends and the attempts, the order for a number and why it is so."""
import json


def scenario(t):
    t.silent("ca", {"OPTIONS": 200, "INVITE": 503})
    t.carrier("cb", answer())
    t.caller(call(talk=0.1), numbers=["+44207183870%d" % i for i in range(3)], rate=20)
    t.run()
    pbx = t.caller(call(talk=2.0), numbers=["+442071838750", "+442071838751"], host=2)
    assert t.until(lambda: len(pbx.got("200 INVITE")) == 2, 5)
    told = json.loads(t.verb("trunks", "--json"))["trunks"]
    states = {x["trunk"]: x for x in told}
    assert states["ca"]["state"] == "DOWN" and states["ca"]["reason"] == "consecutive" and states["ca"]["code"] == 503, states["ca"]
    assert states["cb"]["calls"] == 2 and states["cb"]["state"] in ("UP", "UNKNOWN"), states["cb"]
    text = t.verb("trunks")
    assert "ca" in text and "failures in a row (503)" in text, text
    told = json.loads(t.verb("calls", "--json"))
    assert len(told["calls"]) == 2, told
    text = t.verb("calls")
    assert "+442071838750" in text and "+442071838751" in text and "cb" in text, text
    text = t.verb("explain", "+442071838750", "--from", "pbx1")
    assert text.index("cb") < text.rindex("ca") and "DOWN" in text.upper(), text
    t.run()
    assert not json.loads(t.verb("calls", "--json"))["calls"]
