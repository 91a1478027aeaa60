# SPDX-License-Identifier: MIT
"""invite_repeated: the same INVITE four times, as UDP may deliver it: one call, one INVITE at the carrier, one record; the copies get the answer again."""


def scenario(t):
    ca = t.carrier("ca", answer())
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    text = pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp(), branch="again")
    for _ in range(4):
        pbx.say(text, kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 3)
    ok = pbx.first("200 INVITE")
    pbx.say(text, kedge)
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    pbx.say(pbx.follow(ok, "BYE", 2), kedge)
    assert t.until(lambda: pbx.got("200 BYE"), 3)
    assert ca.received("INVITE") == 1 and pbx.received("200 INVITE") == 1
    t.until(lambda: ca.received("BYE"), 2)
    t.cdrs = 1
    t.audio_strict = False
