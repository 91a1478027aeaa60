# SPDX-License-Identifier: MIT
"""srtp_rekey: both sides encrypted. The carrier holds, resumes and refreshes with its key as it was: nobody's key changes. Then the PBX, and then the carrier, has a
new key (RFC 4568 7.1.4): that is answered at once on its own leg, kedge's own keys stay, the other side hears nothing of it, and audio goes on both ways."""
import re


def key_of(m):
    return re.search(r"inline:(\S+)", m.body).group(1)


def scenario(t):
    t.trunk("pbx1", "pbx", 1, srtp="optional")
    first, second = secure(tag=1), secure(tag=1)
    mine, renewed = secure(tag=4), secure(tag=4)
    inside = lambda sdp: [pause(0.4), invite(sdp=sdp), recv(100, optional=True), recv(200), ack()]  # noqa: E731
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), pause(0.05), send(200), recv("ACK")]
                   + inside(dict(second, version=2)) + [recv("BYE"), send(200)], secure=first, srtp="required")
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.8)]
                   + inside(dict(renewed, version=2)) + [pause(0.6)] + hangup(), secure=mine)
    t.run()
    assert pbx.received("INVITE") == 0 and ca.received("INVITE") == 1, "each rekeying stayed on its own side"
    answers = pbx.got("200 INVITE")
    assert len(answers) == 2 and key_of(answers[0]) == key_of(answers[1])
    offer = re.search(r"a=crypto:1 \S+ inline:(\S+)", ca.got("INVITE")[0].body).group(1)
    assert key_of(ca.got("200 INVITE")[0]) == offer


def after(t):
    t.heard("caller1", 30)
    t.heard("ca", 30)
