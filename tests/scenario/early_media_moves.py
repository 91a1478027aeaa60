# SPDX-License-Identifier: MIT
"""early_media_moves (A92, A95, A154): the primary sends early media, then 503; the second answers. The PBX sees one dialog all along: one
To-tag, one o= line, one port; the offer to the second is cut to what was answered; the audio is one SSRC/sequence/timestamp line."""
import re


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.8), send(503), recv("ACK")])
    cb = t.carrier("cb", answer(early=0.5))
    pbx = t.caller([invite(sdp={"pts": [0, 8, 101]}), recv(100, optional=True), recv(183), recv(183, optional=True), recv(200), ack(), pause(1.0)] + hangup())
    t.run()
    assert ca.received("INVITE") == 1 and cb.received("INVITE") == 1
    answers = [m for m in pbx.messages() if m.way == "in" and m.code in (183, 200) and m.body and m.method == "INVITE"]
    assert len({m.to_tag for m in answers}) == 1, [m.to_tag for m in answers]
    assert len({re.search(r"o=.*", m.body).group(0).strip() for m in answers}) == 1
    assert len({re.search(r"m=audio \d+", m.body).group(0) for m in answers}) == 1
    assert len({m["Contact"] for m in answers}) == 1
    offer = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", cb.first("INVITE").body).group(1).split()
    assert offer[:2] == ["0", "8"], offer  # what was answered; then what kedge can make of it


def after(t):
    end = t.heard("caller1", 80)[0]
    assert end["switches"] == 1 and len(end["sources"]) == 2, end
    t.heard("cb", 40)
