# SPDX-License-Identifier: MIT
"""wire_mixed: a PBX on IPv4, carriers on IPv6: TCP to UDP and UDP to TCP, each leg says what it goes over and no more; a carrier's BYE finds its way back through both."""


def scenario(t):
    t.v6 = "outside"
    ca = t.carrier("ca", answer(), transport="udp")
    cb = t.carrier("cb", answer()[:-2] + [pause(0.4), bye(), recv(200)], transport="tcp")
    t.routes = [{"name": "a", "from": "pbx1", "profile": "a"}, {"name": "b", "from": "pbx1", "prefix": "44999", "profile": "b"}]
    t.profiles = {"a": {"targets": [{"trunk": "ca"}]}, "b": {"targets": [{"trunk": "cb"}]}}
    one = t.caller(call(talk=0.4), transport="tcp")
    two = t.caller(call(talk=0.4)[:-3] + [recv("BYE"), send(200)], numbers=["+44999"], transport="udp", host=2)
    t.run()
    for m, words, others in ((ca.first("INVITE"), ("SIP/2.0/UDP", "[::1]"), ("transport=tcp", "127.")), (cb.first("INVITE"), ("SIP/2.0/TCP", "[::1]", "transport=tcp"), ("127.",)),
                             (one.first("200 INVITE"), ("transport=tcp", t.ip(3)), ("::1",)), (two.first("200 INVITE"), (t.ip(3),), ("::1", "transport=tcp"))):
        where = (m["Via"] if m.request else "") + m["Contact"]
        assert all(w in where for w in words) and not any(w in where for w in others), m.text
    assert ca.received("BYE") == 1 and cb.received("200 BYE") == 1 and two.received("BYE") == 1


def after(t):
    t.heard("ca", 10)
    t.heard("cb", 5)
