# SPDX-License-Identifier: MIT
"""prack_carrier (A154): a carrier with two phones behind it answers reliably (RFC 3262), the PBX knows nothing of that. Each To-tag is a dialog with numbers of its own: a PRACK for
the next one, nothing for one said again, nothing over a gap. The second phone answers: its dialog is the call's. The PBX sees one To-tag and no RSeq."""


def scenario(t):
    def rings(raw, m):
        raw.reply(m, 100)
        reliable(raw, m, 183, "one", 5, sdp=True)
        raw.later(0.1, lambda: reliable(raw, m, 183, "one", 5, sdp=True))   # said again
        raw.later(0.2, lambda: reliable(raw, m, 180, "one", 7))             # a gap
        raw.later(0.3, lambda: reliable(raw, m, 180, "one", 6))
        raw.later(0.4, lambda: reliable(raw, m, 180, "two", 1))
        raw.later(0.5, lambda: reliable(raw, m, 199, "one", 7))
        raw.later(0.7, lambda: raw.reply(m, 200, tag="two", sdp=True))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "PRACK": 200, "BYE": 200})
    pbx = t.caller([invite(), recv(100, optional=True), recv(183), recv(180, optional=True), recv(200), ack(), pause(0.3), bye(rtp=False), recv(200)])
    t.run()
    assert t.until(lambda: ca.received("BYE") == 1, 3)
    assert "100rel" in ca.first("INVITE")["Supported"] and "PRACK" in ca.first("INVITE")["Allow"]
    assert ca.first("INVITE")["Require"] is None
    pracks = distinct(ca.got("PRACK"))
    assert [(m.to_tag, m["RAck"].split()[0]) for m in pracks] == [("one", "5"), ("one", "6"), ("two", "1"), ("one", "7")], pracks
    invite_cseq = ca.first("INVITE")["CSeq"].split()[0]
    assert all(m["RAck"].split()[1:] == [invite_cseq, "INVITE"] for m in pracks)
    for tag in ("one", "two"):
        line = [int(m["CSeq"].split()[0]) for m in pracks if m.to_tag == tag]
        assert line == sorted(set(line)) and line[0] > int(invite_cseq), line
    last = ca.first("BYE")
    assert last.to_tag == "two" and int(last["CSeq"].split()[0]) > max(int(m["CSeq"].split()[0]) for m in pracks if m.to_tag == "two")
    assert ca.first("ACK").to_tag == "two" and ca.first("ACK")["CSeq"].split()[0] == invite_cseq
    seen = [m for m in pbx.messages() if m.way == "in" and m.method == "INVITE" and m.code > 100]
    assert len({m.to_tag for m in seen}) == 1 and not any(m["RSeq"] for m in seen), seen
    t.audio_strict = False


def reliable(raw, m, code, tag, rseq, sdp=False):
    raw.reply(m, code, tag=tag, sdp=sdp, headers=["Require: 100rel", "RSeq: %d" % rseq, "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"])


def distinct(messages):
    found = {}
    for m in messages:
        found.setdefault(m["Via"], m)
    return list(found.values())
