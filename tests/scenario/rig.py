# SPDX-License-Identifier: MIT
"""rig: the rig itself, without kedge: the caller's SIPp calls the carrier's; both RTP peers hear all of it, and what they hear is judged."""


def scenario(t):
    t.direct = True
    ca = t.carrier("ca", answer(after=0.2, early=0.2))
    pbx = t.caller(call(talk=1.0), to="%s:%d" % (t.ip(2), 5060), numbers=["+44207183875%d" % i for i in range(4)], rate=20)
    t.run()
    assert ca.received("INVITE") == 4 and ca.received("ACK") == 4 and ca.received("BYE") == 4
    assert pbx.received("180") == 0 and pbx.received(183) == 4 and pbx.received("200 INVITE") == 4
    assert 0.15 < t.gap(pbx.got(183)[0], pbx.got("200 INVITE")[0]) < 0.6


def after(t):
    for end in t.heard("caller1", 45, calls=4):
        assert end["rtcp_heard"] > 2
    t.heard("ca", 45, calls=4)
    # Each call's caller hears the carrier, and the carrier him.
    assert {e["sources"][0]["call"] for e in t.rtps["ca"].ends()} == {1838750 + i for i in range(4)}
