# SPDX-License-Identifier: MIT
"""wire_call: a call each way and one that the called side ends, over UDP or TCP, IPv4 or IPv6: whichever it is, it stands in Via, Contact and SDP, and audio goes both ways."""


def scenario(t):
    ca = t.carrier("ca", {"1": answer()[:-2] + [pause(0.4), bye(), recv(200)], "": answer()})
    box = t.pbx(answer())
    pbx = t.caller(call(talk=0.5), numbers=["+442071838750"])
    late = t.caller(call(talk=0.5)[:-3] + [recv("BYE"), send(200)], numbers=["+442071838751"], host=2)
    carrier = t.caller(call(talk=0.5), numbers=["+442071838752"], net=2)
    t.run()
    assert ca.received("BYE") == 1 and late.received("BYE") == 1 and box.received("BYE") == 1 and ca.received("200 BYE") == 1
    for at, m in [(4, x) for x in ca.got("INVITE")] + [(3, box.first("INVITE"))] + [(3, x.first("200 INVITE")) for x in (pbx, late)] + [(4, carrier.first("200 INVITE"))]:
        check(t, at, m)


def check(t, net, m):
    here = "%s:%d" % (t.host(t.ip(net)), t.port("kedge%d" % net))
    assert here in m["Contact"] and ("transport=tcp" in m["Contact"]) == (t.transport == "tcp"), m.text
    assert "c=IN IP%d %s\n" % (6 if t.v6 else 4, t.ip(net)) in m.body.replace("\r", ""), m.body
    if m.request:
        assert m["Via"].startswith("SIP/2.0/%s %s" % (t.transport.upper(), here.removesuffix(":5060"))), m.text


def after(t):
    t.heard("caller1", 10)
    t.heard("caller2", 10)
    t.heard("caller3", 10)
    t.heard("ca", 10, calls=2)
    t.heard("pbx1", 10)
