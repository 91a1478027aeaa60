# SPDX-License-Identifier: MIT
"""reinvite_glare: while the PBX's re-INVITE is on its way the carrier sends one of its own. It gets 491 (RFC 3261 14.2), the PBX's goes through, the call
lives on."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": meets, "BYE": 200})
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.3), invite(sdp={"direction": "sendonly", "version": 2}), recv(100, optional=True),
                    recv(200), ack(), pause(0.2), bye(), recv(200)])
    t.run()
    assert ca.received("491 INVITE") == 1, ca.messages()
    assert pbx.received("200 INVITE") == 2 and ca.received("BYE") == 1 and pbx.received("INVITE") == 0
    t.audio_strict = False


def meets(ca, m):
    if len({x["CSeq"] for x in ca.got("INVITE")}) == 1:
        ca.first_invite = m
        ca.reply(m, 200, sdp=True)
    elif len(ca.sent("INVITE")) == 0:
        ours = ca.follow(ca.first_invite, "INVITE", 1, body=ca.sdp())
        ca.say(ours, m.source)
        ca.later(0.2, lambda: ca.say(ours.split("\r\n\r\n")[0].replace("INVITE", "ACK").replace("Content-Type: application/sdp\r\n", "").rsplit("\r\n", 1)[0] +
                                     "\r\nContent-Length: 0\r\n\r\n", m.source))
        ca.later(0.3, lambda: ca.reply(m, 200, sdp=True))
