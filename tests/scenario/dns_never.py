# SPDX-License-Identifier: MIT
"""dns_never (A70 A71): the first carrier's name is not in the DNS. Calls pass it at once for the next one, and the record says why; `kedge trunks` shows it DOWN, dns_nxdomain. Then
the DNS knows it: a probe, and it is UP without a hold, and first. Nobody listed its networks: its own calls are taken, a stranger's are not."""


def scenario(t):
    t.time_scale = 5
    dns = t.dns()
    ca = t.serve("ca", 2, 1, answer())
    t.trunk("ca", "carrier", 1, uri="sip:ca.test")
    t.trunk("cb", "carrier", 2)
    cb = t.serve("cb", 2, 2, answer())
    t.pbx(answer())
    t.start()
    assert t.until(lambda: t.told("dns.failed"), 10)
    t.caller(call(talk=0.2), numbers=["+44207183875%d" % i for i in range(5)], rate=10)
    t.run()
    assert cb.received("INVITE") == 5 and not ca.messages()
    for record in t.cdr():
        assert record["attempts"][0]["trunk"] == "cb" and record["ttrb_ms"] < 1000, record
    skips = [d["targets"][0] for d in t.decisions()]
    assert all(s["skip"] == "no_address" and s["reason"] == "dns_nxdomain" for s in skips), skips
    now = t.trunk_now("ca")
    assert now["state"] == "DOWN" and [(h["address"], h["state"], h["reason"]) for h in now["hops"]] == [("-", "DOWN", "dns_nxdomain")], now
    assert "its name has no address" in t.verb("trunks"), t.verb("trunks")
    assert "its name has no address" in t.verb("health", ok=False) and "ca -  UNKNOWN -> DOWN  dns_nxdomain" in t.verb("events")
    assert t.told("dns.failed")[0]["why"] == "nxdomain"
    assert 'kedge_dns_failures_total{reason="nxdomain"} 0' not in t.ask("/metrics") and 'kedge_dns_failures_total{reason="timeout"} 0' in t.ask("/metrics")
    stranger = t.tool("stranger", net=2, host=1, port=5099)
    kedge = t.kedge_at(2)
    stranger.say(stranger.begin("INVITE", "+442071838750", kedge, "before", body=stranger.sdp()), kedge)
    assert t.until(lambda: stranger.received(403), 10)
    dns.a("ca.test", t.ip(2, 1), ttl=60)
    assert t.until(lambda: t.trunk_now("ca")["state"] == "UP", 20), t.trunk_now("ca")
    states = [(e["from"], e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"]
    assert states == [("UNKNOWN", "DOWN", "dns_nxdomain")] * 2 + [("DOWN", "UP", "cleared")], states
    t.caller(call(talk=0.2), name="after", host=2)
    t.caller(call(talk=0.2), name="inward", host=1, net=2)
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 5
    assert t.peers["pbx1"].received("INVITE") == 1
