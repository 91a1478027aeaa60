# SPDX-License-Identifier: MIT
"""tcp_lost_bye: the carrier's connection breaks, by a reset or in order, when the BYE is out and not answered: it is said again over a new connection, or the carrier would keep
the call; only once where that breaks too."""


def scenario(t):
    ca = t.stream("ca", {"INVITE": answers, "OPTIONS": 200, "BYE": leaves})
    steps = [invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.2), bye(), recv(200)]
    t.caller(steps, numbers=["+44207183%d" % n for n in (0, 1, 2)], limit=1)
    t.run()
    assert t.until(lambda: ca.received("BYE") == 6, 5), ca.messages()
    byes = [[m for m in ca.got("BYE") if m.uri.endswith("%d@%s:5060;transport=tcp" % (n, ca.ip))] for n in (0, 1, 2)]
    assert all(len(b) == 2 and b[0].source is not b[1].source for b in byes), byes
    t.audio_strict = False


def answers(ca, m):
    number = m.uri.split("@")[0].split(":")[1]
    contact, ca.here = ca.here, "%s@%s" % (number, ca.here)
    ca.reply(m, 200, sdp=True)
    ca.here = contact


def leaves(ca, m):
    first = ca.received("BYE") % 2 == 1
    if not first and "2@" not in m.uri:
        ca.reply(m, 200)
    else:
        ca.drop(m.source, reset="1@" in m.uri)
