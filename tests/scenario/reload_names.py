# SPDX-License-Identifier: MIT
"""reload_names: what a reload does to trunks whose hops come from the DNS. One whose name stays keeps its addresses and their state though its other settings change; another
name is looked up, and its addresses take the calls; a trunk with an address of its own becomes one with a name and back. A call over an address that is gone talks on."""


def scenario(t):
    dns = t.dns()
    for host in (1, 2, 3):
        dns.a("c%d.test" % host, t.ip(2, host), ttl=300)
    peers = [t.serve("p%d" % host, 2, host, answer()) for host in (1, 2, 3)]
    t.trunk("ca", "carrier", 1, uri="sip:c1.test:5060")
    t.passes = [r"127\.\d+\.2\.[123]$"]  # addresses of one carrier
    numbers = iter("+44207183%04d" % n for n in range(100))
    t.start()
    hops = lambda: {h["address"].split(":")[0]: h["state"] for h in t.trunk_now("ca")["hops"]}
    assert t.until(lambda: hops() == {t.ip(2, 1): "UP"}, 10), hops()
    long = t.caller(call(8), numbers=[next(numbers)], name="long")
    assert t.until(lambda: long.got("200 INVITE"), 5)

    def reload(**settings):
        t.trunks["ca"].update(settings)
        t.write_config()
        assert "is in force" in t.verb("reload")

    def goes_to(host):
        asked = [p.received("INVITE") for p in peers]
        assert t.caller(call(0.2), numbers=[next(numbers)]).wait(10) == 0
        assert [p.received("INVITE") - n for p, n in zip(peers, asked)] == [int(k == host) for k in (1, 2, 3)]

    asked = len(dns.times("c1.test"))
    reload(probe={"interval": "20s"})
    assert hops() == {t.ip(2, 1): "UP"}
    goes_to(1)
    assert len(dns.times("c1.test")) == asked, "the name had not changed"
    reload(uri="sip:c2.test:5060")
    assert t.until(lambda: t.ip(2, 2) in hops(), 10), hops()
    assert t.until(lambda: hops().get(t.ip(2, 2)) == "UP", 10), hops()
    goes_to(2)
    reload(uri="sip:%s" % t.ip(2, 3))
    goes_to(3)
    reload(uri="sip:c1.test:5060")
    assert t.until(lambda: hops().get(t.ip(2, 1)) == "UP", 10), hops()
    goes_to(1)
    assert not long.got("200 BYE")
    t.run(20)
    assert t.until(lambda: hops() == {t.ip(2, 1): "UP"}, 5), hops()
