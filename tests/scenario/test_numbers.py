# SPDX-License-Identifier: MIT
"""test_numbers (A158): numbers that kedge answers itself. echo: the same packets come back, on one line, also behind a re-INVITE; milliwatt: 1004 Hz at 0 dBm0 within half a dB, in each law of G.711,
and nothing besides; busy: 486; late-answer-24s: 180, then 200 after 24 s (a tenth of it, by test.time_scale). A caller who offers nothing kedge can play gets 488, one who cancels 487. A carrier
may call them too; where its trunk is recorded, that call is, under its number."""
import os
import re

from ear import Ear, level, loudness, one_line, samples

SDP = "v=0\r\no=- 1 {v} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {pts}\r\na=rtpmap:18 G729/8000\r\n"


def scenario(t):
    recordings = os.path.join(t.folder, "recordings")
    os.mkdir(recordings)
    t.top["media"] = {"record_dir": recordings}
    t.carrier("ca", answer(), record=True)
    t.time_scale = 10
    t.top["test_numbers"] = [{"number": "99901", "does": "echo"}, {"number": "99902", "does": "milliwatt"}, {"number": "99903", "does": "busy"},
                             {"number": "99904", "does": "late-answer-24s"}]
    t.start()
    assert t.told("media.prompts")
    pbx = {"kedge": t.kedge_at(1), "raw": t.tool(), "ear": 21200}
    carrier = {"kedge": t.kedge_at(2), "raw": t.tool("ca9", net=2, host=1, port=5070), "ear": 21700}

    def talks(side, number, pts, pt, talk=None):
        raw, kedge = side["raw"], side["kedge"]
        ear = Ear(raw.ip, side["ear"], pt=pt)
        side["ear"] += 2
        raw.say(raw.begin("INVITE", number, kedge, body=SDP.format(v=1, ip=raw.ip, port=side["ear"] - 2, pts=pts), call_id=number + pts.replace(" ", "-"), branch="i" + number + pts.replace(" ", "-")), kedge)
        mine = lambda: [m for m in raw.got("200 INVITE") if m["Call-ID"] == number + pts.replace(" ", "-")]
        assert t.until(mine, 8), raw.messages()
        ok = mine()[0]
        assert re.search(r"m=audio [1-9]\d* RTP/AVP %d\s" % pt, ok.body), ok.body
        raw.say(raw.follow(ok, "ACK", 1), kedge)
        ear.aim(ok.body).talking = bool(talk)
        return ok, ear

    def ends(side, ok, ear, cseq=2):
        n = len(side["raw"].got("200 BYE"))
        side["raw"].say(side["raw"].follow(ok, "BYE", cseq), side["kedge"])
        assert t.until(lambda: len(side["raw"].got("200 BYE")) > n, 3)
        ear.stop()

    for side, pts, pt in ((pbx, "18 8 0", 8), (carrier, "0", 0)):
        ok, ear = talks(side, "99901", pts, pt, talk=True)
        assert t.until(lambda: len(ear.heard(ear)) > 30, 5), ear.packets
        raw = side["raw"]
        n = len(ear.packets)
        raw.say(raw.follow(ok, "INVITE", 2, body=SDP.format(v=2, ip=raw.ip, port=ear.socket.getsockname()[1], pts=pts)), side["kedge"])
        assert t.until(lambda: [m for m in raw.got("200 INVITE") if m["CSeq"].startswith("2 ") and m["Call-ID"] == ok["Call-ID"]], 3)
        raw.say(raw.follow(ok, "ACK", 2), side["kedge"])
        raw.say(raw.follow(ok, "UPDATE", 3), side["kedge"])
        assert t.until(lambda: [m for m in raw.got("200 UPDATE") if m["Call-ID"] == ok["Call-ID"]], 3)
        assert not raw.got("200 UPDATE")[-1].body, "nobody asked for an offer"
        raw.say(raw.follow(ok, "INVITE", 4, body=SDP.format(v=3, ip=raw.ip, port=ear.socket.getsockname()[1], pts="18")), side["kedge"])
        assert t.until(lambda: [m for m in raw.got("488 INVITE") if m["Call-ID"] == ok["Call-ID"]], 3)
        raw.say(raw.follow(ok, "ACK", 4), side["kedge"])
        assert t.until(lambda: len(ear.packets) > n + 30, 5)
        ear.talking = False
        assert t.until(lambda: len(ear.packets) >= ear.sent, 2), (len(ear.packets), ear.sent)
        one_line(ear.packets)
        assert len(ear.heard(ear)) == len(ear.packets) == ear.sent and all(p.pt == pt for p in ear.packets)
        ends(side, ok, ear, 5)

    for pts, pt in (("0", 0), ("8 0", 8)):
        ok, ear = talks(pbx, "99902", pts, pt, talk=True)
        assert t.until(lambda: len(ear.packets) > 60, 5)
        ends(pbx, ok, ear)
        one_line(ear.packets)
        assert not ear.heard(ear), "it echoes"
        whole = [p for a, p in zip(ear.packets, ear.packets[1:]) if p.ts - a.ts == 160][:40]
        pcm = samples(ear.packets[:1 + len(whole)])[:8000]
        if all(b.ts - a.ts == 160 for a, b in zip(ear.packets, ear.packets[1:50])):
            assert abs(level(pcm[:8000 // 5 * 4], 1004)) < 0.5, level(pcm[:6400], 1004)
        assert abs(loudness([x for p in ear.packets[:40] for x in samples([p])])) < 0.5

    raw, kedge = pbx["raw"], pbx["kedge"]
    raw.say(raw.begin("INVITE", "99903", kedge, body=SDP.format(v=1, ip=raw.ip, port=21400, pts="0"), call_id="busy", branch="busy"), kedge)
    assert t.until(lambda: raw.got("486 INVITE"), 3)
    raw.say(raw.begin("INVITE", "99901", kedge, body=SDP.format(v=1, ip=raw.ip, port=21400, pts="18"), call_id="g729", branch="g729"), kedge)
    assert t.until(lambda: [m for m in raw.got("488 INVITE") if m["Call-ID"] == "g729"], 3)
    assert t.until(lambda: [e.get("why") for e in t.events("call.test") if e["code"] == 488] == ["no_codec"], 3), t.events("call.test")
    ok, ear = talks(pbx, "99904", "0", 0)
    asked = next(m for m in raw.sent("INVITE") if "99904" in m.text.partition("\r\n")[0])
    assert 2.35 < t.gap(asked, ok) < 2.9, t.gap(asked, ok)
    assert t.gap(asked, raw.first("180 INVITE")) < 0.5
    ends(pbx, ok, ear)
    text = raw.begin("INVITE", "99904", kedge, body=SDP.format(v=1, ip=raw.ip, port=21400, pts="0"), call_id="gone", branch="gone")
    raw.say(text, kedge)
    assert t.until(lambda: len(raw.got("180 INVITE")) == 2, 3)
    head = re.sub("^INVITE", "CANCEL", text.partition("\r\n\r\n")[0]).replace("1 INVITE", "1 CANCEL").replace("Content-Type: application/sdp\r\n", "")
    raw.say(re.sub(r"Content-Length: \d+", "Content-Length: 0", head) + "\r\n\r\n", kedge)
    assert t.until(lambda: raw.got("487 INVITE"), 3)
    mine = [r["call"] + ".pcap" for r in t.cdr() if r["in"] == "ca" and r["media"]]
    assert mine and t.until(lambda: os.listdir(recordings) == mine, 3), (mine, os.listdir(recordings))
    t.cdrs = 8
    t.audio_strict = False
