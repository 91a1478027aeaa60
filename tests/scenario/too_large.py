# SPDX-License-Identifier: MIT
"""too_large: the carrier refuses a datagram with 513: the same INVITE goes to it once more, over TCP. Where it has no TCP the next carrier is called, and it is no failure
of the hop."""


def scenario(t):
    ca = t.carrier("ca", refuse(513))
    tcp = t.serve("ca_tcp", 2, 1, answer(), transport="tcp")
    cb = t.carrier("cb", refuse(513))
    cc = t.carrier("cc", answer())
    t.routes = [{"name": "a", "from": "pbx1", "profile": "a"}, {"name": "b", "from": "pbx1", "prefix": "44999", "profile": "b"}]
    t.profiles = {"a": {"targets": [{"trunk": "ca"}, {"trunk": "cc"}]}, "b": {"targets": [{"trunk": "cb"}, {"trunk": "cc"}]}}
    t.caller(call(talk=0.4))
    t.caller(call(talk=0.4), numbers=["+44999"], host=2)
    t.run()
    assert ca.received("INVITE") == 1 and tcp.received("INVITE") == 1 and tcp.received("BYE") == 1
    assert cb.received("INVITE") == 1 and cc.received("INVITE") == 1 and cc.received("BYE") == 1


def after(t):
    t.heard("ca_tcp", 10)
    t.heard("cc", 10)
    tried = {d["profile"]: [(a["trunk"], a.get("code"), a["cause"], a.get("same", False)) for a in d["attempts"]] for d in t.decisions()}
    assert tried == {"a": [("ca", 513, "status", False), ("ca", 200, "answered", True)],
                     "b": [("cb", 513, "status", False), ("cb", None, "limit", True), ("cc", 200, "answered", False)]}, tried
