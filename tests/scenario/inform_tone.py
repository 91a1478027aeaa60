# SPDX-License-Identifier: MIT
"""inform_tone (A23): inform = "183". The first carrier is silent, the second one rings and answers: the PBX has 100 at once, after inform_after a 183 with SDP and from then on the country's ringback, packet by
packet, until the second carrier's voice takes its place: one SSRC, no sequence number missing, not one packet of the tone behind the voice. The offer to the second carrier is cut to what
was said, and its G.711 sister. A caller that offers nothing kedge can play is told 180."""
import re

from ear import Ear, level, one_line, samples

SDP = "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {pts}\r\na=rtpmap:96 telephone-event/8000\r\na=rtpmap:18 G729/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"


def scenario(t):
    t.silent("ca", {}, timers={"first_response_adaptive": False}, probe={"method": "none"})

    def ring(raw, m):
        raw.reply(m, 100)
        raw.reply(m, 180)
        if "838751" in m.text.partition("\r\n")[0]:
            raw.later(3, lambda: raw.reply(m, 486))
            return
        raw.voice.aim(m.body)
        raw.later(0.6, lambda: raw.reply(m, 200, sdp=True))
        raw.later(1.0, lambda: setattr(raw.voice, "talking", True))
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": ring, "BYE": 200, "CANCEL": 200}, timers={"first_response_adaptive": False})
    cb.pt = 8
    cb.voice = Ear(cb.ip, 21000, word=b"voice of cb", pt=8)
    t.profile = {"inform": "183", "country": "uk", "targets": [{"trunk": "ca"}, {"trunk": "cb"}]}
    t.start()
    assert t.told("media.prompts")
    kedge = t.kedge_at()
    pbx, other = t.tool(), t.tool("other", host=8)
    pbx.ear = Ear(pbx.ip, 21200, word=b"voice of the pbx", pt=8)
    offer = SDP.format(ip=pbx.ip, port=21200, pts="18 8 0 96")
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=offer, call_id="tone"), kedge)
    other.say(other.begin("INVITE", "+442071838751", kedge, body=SDP.format(ip=other.ip, port=21200, pts="18 96"), call_id="none"), kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 8), pbx.messages()
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    pbx.ear.aim(ok.body).talking = True
    assert t.until(lambda: len(pbx.ear.heard(cb.voice)) > 40, 5) and t.until(lambda: len(cb.voice.heard(pbx.ear)) > 20, 5)
    pbx.say(pbx.follow(ok, "BYE", 2), kedge)
    assert t.until(lambda: pbx.got("200 BYE") and cb.received("BYE"), 3)

    asked = pbx.sent("INVITE")[0]
    told = pbx.first("183 INVITE")
    assert t.gap(asked, pbx.first("100 INVITE")) < 0.3 and 0.9 < t.gap(asked, told) < 1.6
    assert re.search(r"m=audio \d+ RTP/AVP 8 96\s", told.body) and ok.body == told.body, told.body + ok.body
    offered = next(m.body for m in cb.got("INVITE") if "838750" in m.text.partition("\r\n")[0])
    assert re.search(r"m=audio \d+ RTP/AVP 8 0 96\s", offered), offered  # either law: kedge turns one into the other
    voice = pbx.ear.heard(cb.voice)
    tone = pbx.ear.foreign(cb.voice)
    one_line(pbx.ear.packets)
    assert all(p.pt == 8 for p in pbx.ear.packets)
    assert tone[-1].seq == (voice[0].seq - 1) & 0xffff and voice[0].marker, "the tone behind the voice"
    assert 20 < len(tone) < 200 and voice[0].at - tone[-1].at < 0.6 + 0.5
    pcm = [x for p in tone for x in samples([p])]
    assert -16 < level(pcm[:3000], 400) < -11 and -16 < level(pcm[:3000], 450) < -11, (level(pcm[:3000], 400), level(pcm[:3000], 450))
    assert level(pcm[3400:4600], 400) < -40, "0.2 s of silence behind the first 0.4 s"
    # no codec that kedge writes
    assert t.until(lambda: other.got("180 INVITE"), 5) and not other.got("183 INVITE")
    assert t.until(lambda: other.got("486 INVITE"), 3)
    for ear in (pbx.ear, cb.voice):
        ear.stop()
    t.cdrs = 2
    t.audio_strict = False
