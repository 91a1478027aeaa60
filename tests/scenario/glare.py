# SPDX-License-Identifier: MIT
"""glare: the carrier answers a new offer with 491, since it made one itself. Its own is answered by kedge, where the PBX, whose re-INVITE waits, could not be asked; that
one is sent again after 2.1 to 4 s, the time of the side that made the Call-ID, and the PBX hears only the 200."""


def scenario(t):
    t.time_scale = 2
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": meets, "BYE": 200}, transcode=False)
    pbx = t.caller(call(talk=0.3)[:-2] + [invite(sdp={"pts": [8], "version": 2}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.3), bye(rtp=False), recv(200)])
    t.audio_strict = False
    t.run(40)
    assert pbx.received("INVITE") == 0 and pbx.received("491 INVITE") == 0 and pbx.received("200 INVITE") == 2
    assert "RTP/AVP 8" in pbx.got("200 INVITE")[-1].body
    asked = [m for i, m in enumerate(ca.got("INVITE")) if m["CSeq"] not in [x["CSeq"] for x in ca.got("INVITE")[:i]]]
    # The same offer, but for its o= version: an answer went out in between.
    said = [m.body.splitlines() for m in asked[1:]]
    assert len(said) == 2 and said[0][2:] == said[1][2:] and said[0][1] != said[1][1], said
    wait = t.gap(ca.sent("491 INVITE")[0], asked[2])
    assert 1.04 < wait < 5, wait
    assert ca.received("200 INVITE") == 1 and t.ip(4) in ca.first("200 INVITE").body


def meets(ca, m):
    seen = len({x["CSeq"] for x in ca.got("INVITE")})
    if seen == 1:
        ca.first_invite = m
        ca.reply(m, 200, sdp=True)
    elif seen == 2:
        ca.answers["response"] = acks
        ca.reply(m, 491)
        ca.say(ca.follow(ca.first_invite, "INVITE", 1, body=ca.sdp()), m.source)
    else:
        ca.pt = 8
        ca.reply(m, 200, sdp=True)


def acks(ca, m):
    if m.is_("200 INVITE"):
        ca.say(ca.follow(ca.first_invite, "ACK", 1), m.source)
