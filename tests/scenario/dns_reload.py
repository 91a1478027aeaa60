# SPDX-License-Identifier: MIT
"""dns_reload (A70): the first carrier's name is not in the DNS. A reload writes its address instead: it has the next call, and nothing of the name is left. Another names it again, by a
name that is there: the call goes where that leads, and nobody asks for the first name any more. Calls are taken all the time."""


def scenario(t):
    dns = t.dns()
    dns.a("other.test", t.ip(2, 3))
    dns.srv("_sip._udp.srv.test", (1, 1, 5060, "other.test"))
    peers = [t.serve(name, 2, host, answer()) for name, host in (("ca", 1), ("cb", 2), ("cc", 3))]
    t.trunk("ca", "carrier", 1, uri="sip:ca.test", probe={"method": "none"})
    t.trunk("cb", "carrier", 2)
    t.passes = [r"127\.\d+\.2\.[13]$", r"cc\.carrier"]  # one carrier's, first and later
    t.start()
    assert t.until(lambda: t.trunk_now("ca")["state"] == "DOWN", 10)

    def goes_to(*expected):
        before = [p.received("INVITE") for p in peers]
        t.caller(call(talk=0.2))
        t.run()
        assert [p.received("INVITE") - b for p, b in zip(peers, before)] == list(expected)

    def reload(uri):
        t.trunks["ca"]["uri"] = uri
        t.write_config()
        t.verb("reload")

    goes_to(0, 1, 0)
    reload("sip:%s:5060" % t.ip(2, 1))
    goes_to(1, 0, 0)
    hops = lambda: [(h["address"], h["state"]) for h in t.trunk_now("ca")["hops"]]
    assert hops() == [(t.ip(2, 1) + ":5060", "UP")], hops()
    asked = len(dns.times("ca.test"))
    reload("sip:srv.test")
    assert t.until(lambda: [a for a, _ in hops()] == [t.ip(2, 3) + ":5060"], 10), hops()
    goes_to(0, 0, 1)
    assert len(dns.times("ca.test")) == asked
    reload("sip:other.test:5060;transport=udp")
    assert t.until(lambda: dns.times("other.test", "A") and hops(), 10)
    goes_to(0, 0, 1)
