# SPDX-License-Identifier: MIT
"""redirected (A6): a carrier redirects the call to an address of its liking: kedge does not follow (that is how toll fraud begins), the next carrier is called; where there is none
the PBX gets 500 and no Contact of anybody's."""


def scenario(t):
    thief = t.tool("thief", net=2, host=99)
    where = ["Contact: <sip:+19005550000@%s:5060>" % t.ip(2, 99)]
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 302, headers=where)})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 401, headers=['WWW-Authenticate: Digest realm="x", nonce="y"'])})
    pbx = t.caller(fails(500))
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1 and not thief.got("INVITE")
    final = pbx.first(500)
    assert "9005550000" not in final.text and final["WWW-Authenticate"] is None, final.text
