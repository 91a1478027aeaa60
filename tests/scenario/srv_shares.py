# SPDX-License-Identifier: MIT
"""srv_shares (A39 A6): a carrier by SRV, 10/70, 10/30 and 20/100. A thousand calls share 70 to 30, none reach priority 20. Both of priority 10 say 503: one INVITE at
each (max_hops), then the next carrier; and once they are DOWN all calls reach priority 20."""


def scenario(t):
    t.keep_audio = t.trace = False
    dns = t.dns()
    dns.srv("_sip._udp.ca.test", (10, 70, 5060, "sip1.ca.test"), (20, 100, 5060, "sip3.ca.test"), (10, 30, 5060, "sip2.ca.test"))
    hosts = [host(t, dns, i) for i in (1, 2, 3)]
    t.trunk("ca", "carrier", 1, uri="sip:ca.test")
    t.trunk("cb", "carrier", 4)
    hosts.append(t.tool("cb", net=2, host=4, answers={"OPTIONS": 200, "INVITE": 486}))
    t.start()
    assert t.until(lambda: all(h.received("OPTIONS") for h in hosts), 10)

    def calls(n):
        before = [h.received("INVITE") for h in hosts]
        t.caller(fails(486), numbers=["+4420718%05d" % i for i in range(n)], rate=100)
        t.run(60)
        return [h.received("INVITE") - b for h, b in zip(hosts, before)]

    shares = calls(1000)
    assert sum(shares) == 1000 and shares[2] == shares[3] == 0, shares
    assert 660 <= shares[0] <= 740 and 260 <= shares[1] <= 340, shares
    hosts[0].answers["INVITE"] = hosts[1].answers["INVITE"] = 503
    for _ in range(3):
        assert calls(1) == [1, 1, 0, 1]
    assert calls(20) == [0, 0, 20, 0]
    assert sorted(dns.times("_sip._udp.ca.test")) and not dns.times("ca.test", "A"), dns.asked


def host(t, dns, i):
    dns.a("sip%d.ca.test" % i, t.ip(2, i))
    return t.tool("h%d" % i, net=2, host=i, answers={"OPTIONS": 200, "INVITE": 486}, port=5060)
