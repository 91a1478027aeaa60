# SPDX-License-Identifier: MIT
"""canary_kedge (A77 A158): the echo number of one kedge is an echo number for the canary of another: audio and digits come back, over SRTP too, and the other one has a record of it."""
import rig

ECHO = "99901"


def scenario(t):
    far = rig.Rig(t.build, "canary_kedge_far")
    good = False
    try:
        far.top["test_numbers"] = [{"number": ECHO, "does": "echo"}]
        far.silent("ca", {"OPTIONS": 200})  # nobody at all, and kedge says 503 to who asks
        far.trunk("pbx1", "pbx", 1, sources=[t.ip(4) + "/32"], srtp="optional")
        far.start()
        t.time_scale = 60
        t.trunk("far", "carrier", 1, uri="sip:%s:%d" % far.kedge_at(1), canary_idle="1min", srtp="required", probe={"method": "OPTIONS", "number": ECHO, "timeout": "30s"})
        t.start()
        assert t.until(lambda: t.events("trunk.canary"), 15), t.events()[-5:]
        told = [(e["verdict"], e.get("why", ""), e["code"]) for e in t.events("trunk.canary")]
        assert told[0] == ("audio", "", 200), told
        assert t.until(far.cdr, 5)
        record = far.cdr()[0]
        assert record["test"] == "echo" and record["in"] == "pbx1" and record["media"]["in"]["packets"] > 30, record
        t.verb("trunk", "far", "down")
        assert t.until(t.idle, 10), t.status
        good = True
    finally:
        far.close(good)
