# SPDX-License-Identifier: MIT
"""ring_repeated (A110): a phone that rings long. The caller gets its 18x again each 60 s (here 3), so that no proxy on the way gives up by its timer C (RFC 3261 16.8)."""


def scenario(t):
    t.time_scale = 20
    t.carrier("ca", answer(after=4.2))
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp()), kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 8)
    rings = pbx.got(180)
    assert len(rings) == 2 and 2.8 < t.gap(*rings) < 3.5, rings
    assert len({m.to_tag for m in rings}) == 1
    pbx.say(pbx.follow(pbx.first("200 INVITE"), "ACK", 1), kedge)
    pbx.say(pbx.follow(pbx.first("200 INVITE"), "BYE", 2), kedge)
    assert t.until(lambda: pbx.got("200 BYE"), 2)
    t.cdrs = 1
    t.audio_strict = False
