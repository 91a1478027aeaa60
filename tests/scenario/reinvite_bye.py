# SPDX-License-Identifier: MIT
"""reinvite_bye: the PBX hangs up while its re-INVITE is unanswered. BYE reaches the carrier, 487 ends the re-INVITE, a late 200 to it makes no ghost."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": slow, "BYE": 200})
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.2), invite(sdp={"direction": "sendonly", "version": 2}), recv(100),
                    pause(0.2), bye(rtp=False), recv(200), recv(487)])
    t.run()
    assert ca.received("BYE") == 1 and pbx.received("487 INVITE") >= 1  # nobody acknowledges it: it may come again
    t.until(lambda: False, 0.6)
    t.audio_strict = False


def slow(ca, m):
    if len({x["CSeq"] for x in ca.got("INVITE")}) == 1:
        ca.reply(m, 200, sdp=True)
    elif len(ca.got("INVITE")) == 2:
        ca.reply(m, 100)
        ca.later(0.6, lambda: ca.reply(m, 200, sdp=True))
