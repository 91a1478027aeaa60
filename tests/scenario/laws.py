# SPDX-License-Identifier: MIT
"""laws (A94, A154): the primary's early media is PCMU, then 503; the second carrier has PCMA alone. The caller sees one To-tag, one o= line, one port and PCMU all along, with an offer or
without one, with PRACK, with PCMU alone in its offer; kedge turns one law into the other, every sample by the tables of G.711, and says so in the record and while the call is up."""
import json
import re

TALK = [pause(1.0)] + hangup()
RINGS = [recv(180, optional=True), recv(200), ack()]


def scenario(t):
    def early(raw, m):
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=["Require: 100rel", "RSeq: 7"] if "+4414@" in m.uri else [])
        raw.later(0.5, lambda: raw.reply(m, 503))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": early, "PRACK": 200})
    cb = t.carrier("cb", answer(), pt=8, codecs=["PCMA"])
    t.start()
    plain = t.caller([invite(sdp={"pts": [0, 8, 101]}), recv(100, optional=True), recv(183)] + RINGS + TALK, numbers=["+4411"], name="plain")
    alone = t.caller([invite(sdp={"pts": [0]}), recv(100, optional=True), recv(183)] + RINGS + TALK, numbers=["+4412"], name="alone")
    late = t.caller([invite(sdp=False), recv(100, optional=True), recv(183, rtp=False), recv(180, optional=True), recv(200), ack(sdp={"pts": [0]})] + TALK, numbers=["+4413"], name="late")
    rel = t.caller([invite(sdp={"pts": [0, 8]}, headers=["Supported: 100rel"]), recv(100, optional=True),
                    recv(183, capture={"rseq": ("RSeq", "[0-9]+"), "cseq": ("CSeq", "[0-9]+")}), request("PRACK", headers=["RAck: [$rseq] [$cseq] INVITE"]), recv(200, rtp=False)] + RINGS + TALK,
                   numbers=["+4414"], name="rel")
    assert t.until(lambda: all(p.sent("ACK") for p in (plain, alone, late, rel)), 15)
    shown = json.loads(t.ask("/v1/calls"))["calls"]
    assert shown and all(c["codec"] == "PCMU" and c["codec_out"] == "PCMA" and c["transcoded"] for c in shown), shown
    assert "PCMU>PCMA" in t.verb("calls"), t.verb("calls")
    t.run()
    for peer in (plain, alone, late, rel):
        answers = [m for m in peer.messages() if m.way == "in" and m.method == "INVITE" and m.code in (183, 200) and m.body.strip()]
        assert answers and len({m.to_tag for m in peer.messages() if m.way == "in" and m.method == "INVITE" and m.code > 100}) == 1
        for what in (r"o=.*", r"m=audio \d+"):
            assert len({re.search(what, m.body).group(0).strip() for m in answers}) == 1, answers
        first = re.search(r"RTP/AVP ([\d ]+)", answers[0].body).group(1).split()
        assert first[0] == "0" or peer is late, answers[0].body
    offered = [re.search(r"RTP/AVP ([\d ]+)", m.body).group(1).split() for m in cb.got("INVITE")]
    assert all("8" in o and "0" not in o for o in offered), offered
    # What it was given first stands first: nothing is turned that need not be.
    assert all(re.search(r"RTP/AVP (0 8|8 0)\b", m.body) for m in ca.got("INVITE")), ca.got("INVITE")[0].body
    assert "a=rtpmap:8 PCMA/8000" in next(m for m in ca.got("INVITE") if "+4412@" in m.uri).body
    assert len([m for m in rel.messages() if m.way == "in" and m["RSeq"] and m.code == 183]) >= 1


def after(t):
    for name in ("plain", "alone", "late", "rel"):
        end = t.heard(name, 40)[0]
        assert end["turned"] >= 40 and end["unstamped"] < 50, end  # the primary is mute: kedge may fill its silence
    for end in t.heard("cb", 40, calls=4):
        assert end["turned"] == end["heard"] and end["unstamped"] < 5, end  # what came before its ACK it cannot tell from noise
    for r in t.cdr():
        assert (r["media"]["codec"], r["media"]["codec_out"], r["media"]["transcoded"]) == ("PCMU", "PCMA", True), r["media"]
