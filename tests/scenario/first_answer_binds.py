# SPDX-License-Identifier: MIT
"""first_answer_binds (A154): the primary's early media chose PCMA, then 503. Where nothing is transcoded, the second is offered PCMA alone and answers PCMU all the same: it is ended, unheard by
the PBX. The third answers what was chosen: the PBX has one To-tag, one o= line, one port, type 8 all along."""
import re


def scenario(t):
    t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.5), send(503), recv("ACK")], pt=8, transcode=False)
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200}, transcode=False)
    cc = t.carrier("cc", answer(), pt=8, transcode=False)
    pbx = t.caller([invite(sdp={"pts": [0, 8, 101]}), recv(100, optional=True), recv(183), recv(180, optional=True), recv(200), ack(), pause(0.6)] + hangup(), pt=8)
    t.run()
    for m in (cb.first("INVITE"), cc.first("INVITE")):
        types = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", m.body).group(1).split()
        assert "8" in types and "0" not in types, types
    assert cb.received("ACK") == 1 and cb.received("BYE") == 1
    answers = [m for m in pbx.messages() if m.way == "in" and m.method == "INVITE" and m.code in (183, 200) and m.body]
    assert len(pbx.got("200 INVITE")) == 1
    for what in (lambda m: m.to_tag, lambda m: re.search(r"o=.*", m.body).group(0).strip(), lambda m: re.search(r"m=audio.*", m.body).group(0).strip()):
        assert len({what(m) for m in answers}) == 1, [what(m) for m in answers]
    assert re.search(r"m=audio \d+ RTP/AVP 8", answers[0].body), answers[0].body


def after(t):
    t.heard("caller1", 30)
    t.heard("cc", 20)
    assert len(t.cdr()[0]["attempts"]) == 3
