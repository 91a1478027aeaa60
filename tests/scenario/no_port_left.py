# SPDX-License-Identifier: MIT
"""no_port_left: the outside ports end in the middle of a failover. The caller hears 503 at once, the record says that the second carrier was not asked,
and the next call finds the port again."""


def scenario(t):
    t.top = {"limits": {"max_calls": 1}, "interfaces": [
        {"name": "inside", "address": t.ip(3), "sip_port": 5060, "rtp_ports": "22000-22099"},
        {"name": "outside", "address": t.ip(4), "sip_port": 5060, "rtp_ports": "22400-22401"}]}
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 503})
    cb = t.carrier("cb", answer())
    t.profiles = {"both": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "one": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": "two", "from": "pbx1", "prefix": "+441", "profile": "both"}, {"name": "one", "from": "pbx1", "profile": "one"}]
    first = t.caller(fails(503), numbers=["+441"])
    t.run()
    assert t.gap(ca.sent("503 INVITE")[0], first.first(503)) < 1
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 0
    t.caller([pause(6)] + call(talk=0.3), numbers=["+442"])
    t.run()


def after(t):
    tried = t.cdr()[0]["attempts"]
    assert [(a["trunk"], a["code"], a["skipped"]) for a in tried] == [("ca", 503, False), ("cb", None, True)], tried
