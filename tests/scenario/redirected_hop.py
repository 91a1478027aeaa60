# SPDX-License-Identifier: MIT
"""redirected_hop (A6): a carrier's first node redirects each call to another address of the carrier, which then fails. What fails there is not the first node's doing:
where the address is a hop of its own its failures count there and take it DOWN; where it is none they count for nobody. The record says where each call went."""


def scenario(t):
    t.passes = (r"127\.%d\.2\.1\b" % t.slot,)  # nodes of one carrier
    a, b, free = t.ip(2, 1), t.ip(2, 21), t.ip(2, 22)
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": elsewhere(b)}, uri="sip:%s:5060" % a, hops=["sip:%s:5060" % a, "sip:%s:5060" % b], max_hops=1,
                  sources=["127.%d.2.0/27" % t.slot])
    node = t.tool("node", net=2, host=21, answers={"OPTIONS": 200, "INVITE": 503}, port=5060)
    other = t.tool("other", net=2, host=22, answers={"INVITE": 503}, port=5060)
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": 486}, uri="sip:%s:5060" % t.ip(2, 2), sources=["%s/32" % t.ip(2, 2)])
    for i in range(3):
        t.caller(fails(486), numbers=["+44207183875%d" % i], host=i + 1)
        t.run()
    assert node.received("INVITE") == 3 and ca.received("INVITE") == 3 and cb.received("INVITE") == 3
    down = [e for e in t.told("trunk.state") if e["to"] == "DOWN" and e["trunk"] == "ca"]
    assert [e["hop"] for e in down] == ["%s:5060" % b], down
    ca.answers["INVITE"] = elsewhere(free)
    for i in range(3):
        t.caller(fails(486), numbers=["+44207183885%d" % i], host=i + 4)
        t.run()
    assert other.received("INVITE") == 3 and ca.received("INVITE") == 6 and cb.received("INVITE") == 6
    down = [e["hop"] for e in t.events("trunk.state") if e["to"] == "DOWN" and e["trunk"] == "ca"]
    assert down == ["%s:5060" % b], down
    assert [a.get("redirected", False) for a in t.decisions()[-1]["attempts"]] == [False, True, False]


def elsewhere(ip):
    def answer(raw, m):
        here, raw.here = raw.here, ip + ":5060"  # its Contact
        raw.reply(m, 302)
        raw.here = here
    return answer
