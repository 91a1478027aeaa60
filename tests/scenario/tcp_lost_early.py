# SPDX-License-Identifier: MIT
"""tcp_lost_early (A73): the carrier's TCP connection ends before any answer, by a reset or in order: the next one is called at once. The branch is kept: where the first one's answer comes all the same, over
a new connection, and nobody else rings yet, it has the call."""


def scenario(t):
    ca = t.stream("ca", {"INVITE": leaves, "OPTIONS": 200, "BYE": 200, "CANCEL": 200})
    cb = t.carrier("cb", {"1": [recv("INVITE"), send(100), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")], "": answer()})
    ca.kedge = t.kedge_at(2)
    steps = [invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(0.3), bye(), recv(200)]
    pbx = t.caller(steps, numbers=["+442071830", "+442071831"], limit=1)
    t.run()
    assert ca.received("INVITE") == 2 and cb.received("INVITE") == 2 and pbx.received("200 INVITE") == 2
    assert all(t.gap(a, b) < 0.3 for a, b in zip(pbx.sent("INVITE"), cb.got("INVITE")))
    assert t.until(lambda: ca.received("ACK") == 1 and ca.received("BYE") == 1, 3) and cb.received("CANCEL") == 1 and cb.received("BYE") == 1
    t.audio_strict = False


def leaves(ca, m):
    ca.drop(m.source, reset=m.uri.split("@")[0].endswith("0"))
    if m.uri.split("@")[0].endswith("1"):
        ca.later(0.5, lambda: ca.reply(m, 200, sdp=True, to=ca.connect(ca.kedge)))


def after(t):
    assert [[a["cause"] for a in d["attempts"]] for d in t.decisions()][0] == ["connection_lost", "answered"], t.decisions()
    assert t.cdr()[1]["trunk_out"] == "ca" if "trunk_out" in t.cdr()[1] else True
