# SPDX-License-Identifier: MIT
"""swallows_invite (A40 A152): the primary answers OPTIONS and swallows every INVITE. An answered check proves life, so the call waits the
configured 2 s; no `silent` verdict."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200})
    cb = t.carrier("cb", answer())
    pbx = t.caller(call(talk=0.3))
    t.run()
    assert 1.9 < t.gap(ca.first("INVITE"), cb.first("INVITE")) < 2.4
    assert pbx.received(200) >= 1
    assert not [e for e in t.events("trunk.state") if e["to"] == "DOWN"]
    assert len({m["CSeq"] + m["Call-ID"] for m in ca.got("INVITE")}) == 1
