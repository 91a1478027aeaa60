# SPDX-License-Identifier: MIT
"""dns_moves (A72 A71): a carrier's record with a TTL of 3 s names another address. It is used within the TTL and a second, as soon as it answered a probe; a call
that talks over the old address talks on and ends there. An address that answers no probe is dns_new and takes no call: the old one, gone from the
DNS, serves on, and `kedge trunks` says so; for two probe intervals, then the DNS has its will."""
import time


def scenario(t):
    dns = t.dns()
    dns.a("ca.test", t.ip(2, 1), ttl=3)
    old, new = t.serve("old", 2, 1, answer()), t.serve("new", 2, 2, answer())
    t.trunk("ca", "carrier", 1, uri="sip:ca.test:5060", probe={"interval": "4s"})
    t.passes = [r"127\.\d+\.2\.[123]$"]  # addresses of one carrier
    t.start()
    hops = lambda: {h["address"].split(":")[0]: (h["state"], h["reason"]) for h in t.trunk_now("ca")["hops"]}
    assert t.until(lambda: hops() == {t.ip(2, 1): ("UP", "probed")}, 10), hops()
    t.caller(call(talk=8), name="long")
    assert t.until(lambda: old.received("ACK"), 10)
    dns.a("ca.test", t.ip(2, 2), ttl=3)
    moved = time.monotonic()
    assert t.until(lambda: hops().get(t.ip(2, 2), ("",))[0] == "UP", 20), hops()
    took = time.monotonic() - moved
    assert took < 4 * 3, took
    t.caller(call(talk=0.2), name="short", host=2)
    assert t.until(lambda: new.received("BYE"), 20)
    assert old.received("INVITE") == new.received("INVITE") == 1
    # One that nobody hears of: no answer to a probe.
    mute = t.tool("mute", net=2, host=3, answers={"INVITE": 486}, port=5060)
    dns.a("ca.test", t.ip(2, 3), ttl=3)
    assert t.until(lambda: hops().get(t.ip(2, 3)) == ("UNKNOWN", "dns_new"), 20) and t.ip(2, 2) in hops(), hops()
    t.caller(call(talk=0.2), name="meanwhile", host=3)
    assert t.until(lambda: new.received("INVITE") == 2, 10) and not mute.received("INVITE")
    assert t.until(lambda: t.ip(2, 2) not in hops(), 30), hops()
    assert mute.received("OPTIONS")
    t.run(30)
    assert not mute.received("INVITE") and new.received("INVITE") == 2 and old.received("BYE") == 1
