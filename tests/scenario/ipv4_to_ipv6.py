# SPDX-License-Identifier: MIT
"""ipv4_to_ipv6: the PBX is IPv4, the carrier IPv6: SIP and SDP of each leg name addresses of its own family, audio both ways."""


def scenario(t):
    t.v6 = "outside"
    ca = t.carrier("ca", answer())
    pbx = t.caller(call(talk=0.6))
    t.run()
    for m, net in ((ca.first("INVITE"), 4), (pbx.first("200 INVITE"), 3)):
        line = "c=IN IP%d %s" % (6 if t.is6(net) else 4, t.ip(net))
        assert line in m.body.splitlines() and t.host(t.ip(net)) in m["Contact"], m.text
        assert t.is6(net) or "::1" not in m.text.replace(m["Call-ID"], ""), m.text


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
