# SPDX-License-Identifier: MIT
"""dns_dead (A71): the only resolver dies, then says SERVFAIL. What it told serves on, calls are as before, also for a signaling plane that starts meanwhile. When dns.stale is
over the carrier is DOWN, dns_timeout, and the next one has the calls; the resolver is back: so is the carrier, after a probe."""
import os
import signal


def scenario(t):
    dns = t.dns()
    t.top["dns"]["stale"] = "12s"
    ca, cb = t.serve("ca", 2, 1, answer()), t.serve("cb", 2, 2, answer())
    dns.srv("_sip._udp.ca.test", (10, 10, 5060, "sip.ca.test"), ttl=1)
    dns.a("sip.ca.test", t.ip(2, 1), ttl=1)
    t.trunk("ca", "carrier", 1, uri="sip:ca.test")
    t.trunk("cb", "carrier", 2)
    t.start()
    assert t.until(lambda: t.trunk_now("ca")["state"] == "UP", 10)
    dns.mood = "silent"
    assert t.until(lambda: [e for e in t.told("dns.failed") if e["why"] == "timeout"], 20), t.events()
    t.caller(call(talk=0.2), numbers=["+442071838750", "+442071838751"])
    t.run()
    assert t.until(lambda: len(t.cdr()) == 2, 5)  # written, before their writer is killed
    assert ca.received("INVITE") == 2 and t.trunk_now("ca")["state"] == "UP"
    dns.mood = "servfail"
    t.killed = True
    os.kill(t.pid("sig"), signal.SIGKILL)
    assert t.until(lambda: len(t.told("plane.ready", 3)) >= 3, 20)
    t.caller(call(talk=0.2), name="restarted", host=2)
    t.run()
    assert ca.received("INVITE") == 3 and not cb.received("INVITE")
    down = lambda: [e for e in t.events("trunk.state") if e["trunk"] == "ca" and e["to"] == "DOWN"]
    assert t.until(down, 60), t.verb("trunks")
    assert down()[-1]["why"] == "dns_timeout", down()
    t.caller(call(talk=0.2), name="expired", host=3)
    t.run()
    assert ca.received("INVITE") == 3 and cb.received("INVITE") == 1
    dns.mood = ""
    assert t.until(lambda: t.trunk_now("ca")["state"] == "UP", 60), t.verb("trunks")
    t.caller(call(talk=0.2), name="back", host=4)
    t.run()
    assert ca.received("INVITE") == 4 and cb.received("INVITE") == 1
