# SPDX-License-Identifier: MIT
"""bye_forged: somebody who learnt a call's tags sends its BYE and a re-INVITE from the address of a third trunk: 403, the call goes on, its audio unbroken.
The CSeq they came with, far ahead of the peer's, does not have the real BYE refused."""


def scenario(t):
    ca = t.carrier("ca", answer())
    t.trunk("pbx1", "pbx", 1, sources=["%s/32" % t.ip(1)])
    t.trunk("pbx2", "pbx", 2, uri="sip:%s:5060" % t.ip(1, 200))
    t.routes = [{"name": "out", "from": "pbx1", "profile": "out"}]
    t.profiles = {"out": {"targets": [{"trunk": "ca"}]}}
    pbx = t.caller(call(talk=1.2))
    t.start()
    thief = t.tool("thief", host=200)
    assert t.until(lambda: pbx.got("200 INVITE"), 5)
    ok = pbx.first("200 INVITE")
    thief.say(thief.follow(ok, "BYE", 2), (t.ip(3), 5060))
    thief.say(thief.follow(ok, "INVITE", 2000, body=thief.sdp()), (t.ip(3), 5060))
    assert t.until(lambda: thief.got("403 BYE") and thief.got("403 INVITE"), 2), thief.messages()
    assert ca.received("BYE") == 0
    t.run()
    assert ca.received("BYE") == 1 and ca.received("INVITE") == 1 and pbx.received("200 BYE") == 1


def after(t):
    t.heard("caller1", 45)
    t.heard("ca", 45)
