# SPDX-License-Identifier: MIT
"""dns_ill (A108 A70): of two resolvers the first sends what is no DNS: names that point at themselves, records longer than their message, answers to other questions. Nothing
hangs: the second is asked, half a second later the first time and at once from then on. The first falls silent, the second too: what they told serves on. The carrier's
outbound proxy is a name, found by NAPTR, and speaks TCP. The truncated answer of the second is none."""


def scenario(t):
    bad, good = t.dns(1), t.dns(2)
    bad.mood = "garbage"
    for dns in (bad, good):
        dns.naptr("proxy.test", (10, 10, "s", "SIP+D2T", "", "_sip._tcp.edge.test"), (20, 10, "s", "SIP+D2U", "", "_sip._udp.edge.test"), ttl=2)
        dns.srv("_sip._tcp.edge.test", (1, 1, 5060, "edge1.test"), ttl=2)
        dns.cname("edge1.test", "edge.test", ttl=2)
        dns.a("edge.test", t.ip(2, 1), ttl=2)
    ca = t.serve("ca", 2, 1, answer(), transport="tcp")
    t.trunk("ca", "carrier", 1, uri="sip:sip.alpha.test", outbound_proxy="sip:proxy.test")
    t.start()
    assert t.until(lambda: t.trunk_now("ca")["state"] == "UP", 20), t.verb("trunks")
    assert [(h["address"], h["transport"]) for h in t.trunk_now("ca")["hops"]] == [(t.ip(2, 1) + ":5060", "tcp")]
    switched = t.told("dns.server")
    assert [(e["server"], e["why"], e["now"]) for e in switched] == [("%s:5353" % bad.ip, "silent", "%s:5353" % good.ip)], switched
    asked = len(bad.asked)
    refreshed = len(good.times("proxy.test"))
    assert t.until(lambda: len(good.times("proxy.test")) >= refreshed + 2, 20)
    assert len(bad.asked) == asked, "the one that sends no DNS is still asked first"
    t.caller(call(talk=0.2))
    t.run()
    assert ca.first("INVITE").uri == "sip:+442071838750@sip.alpha.test" and "/TCP" in ca.first("INVITE")["Via"]
    bad.mood, good.mood = "silent", "truncated"
    assert t.until(lambda: t.told("dns.failed"), 30)
    t.caller(call(talk=0.2), name="after", host=2)
    t.run()
    assert ca.received("INVITE") == 2 and t.trunk_now("ca")["state"] == "UP"
    assert len(t.events("plane.ready")) == 2, "a plane was restarted"
