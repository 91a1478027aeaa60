# SPDX-License-Identifier: MIT
"""tcp_lost_hold (A130): the carrier's connection goes, in order or by a reset, when a hold is out and not answered. Nobody refused anything: it goes out again over a new connection, at once, and the PBX hears
the carrier's own answer. Where the new one goes too, the PBX gets its 200 from kedge, and the carrier is told later."""
import re


def scenario(t):
    ca = t.stream("ca", {"INVITE": answers, "OPTIONS": 200, "BYE": 200})
    steps = [invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.2),
             invite(sdp={"direction": "sendonly", "version": 2}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(2.6), bye(rtp=False), recv(200)]
    pbx = t.caller(steps, numbers=["+44207183%d" % n for n in (0, 1, 2)], limit=1)
    t.run()
    for n in (0, 1, 2):
        asked = holds(ca, n)
        assert len(asked) >= 2 and asked[0].source is not asked[1].source and asked[1].when - asked[0].when < 1, asked
        assert (len(asked) == 2) == (n < 2), "%d: asked %d times" % (n, len(asked))
    ids = sorted({m["Call-ID"] for m in pbx.sent("INVITE")})
    got = [[m for m in pbx.got("200 INVITE") if m["Call-ID"] == i and m["CSeq"].startswith("2 ")][0] for i in ids]
    asked = [[m for m in pbx.sent("INVITE") if m["Call-ID"] == i][1] for i in ids]
    for a, g in zip(asked, got):
        assert t.gap(a, g) < 1.5 and "a=recvonly" in g.body, (t.gap(a, g), g.text)
    assert pbx.received("BYE") == 0
    t.audio_strict = False


def holds(ca, n):
    return [m for m in ca.got("INVITE") if m.to_tag and re.search(r":\+44207183%d@" % n, m.uri)]


def answers(ca, m):
    n = int(re.search(r":\+44207183(\d)@", m.uri).group(1))
    if not m.to_tag:
        contact, ca.here = ca.here, "+44207183%d@%s" % (n, ca.here)
        ca.reply(m, 200, sdp=True)
        ca.here = contact
    elif len(holds(ca, n)) == 1 or (n == 2 and len(holds(ca, n)) == 2):
        ca.drop(m.source, reset=n == 1)
    else:
        ca.reply(m, 200, sdp=True)
