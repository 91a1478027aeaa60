# SPDX-License-Identifier: MIT
"""hold_noise: the PBX puts the call on hold (inactive), the carrier answers that with 503 and so was never told: it hears low noise from kedge meanwhile, on the line of the PBX's voice, and its own
voice is not passed on. When the PBX resumes its voice takes the place of the noise."""
from ear import Ear, loudness, one_line, samples


def scenario(t):
    def answers(raw, m):
        if not m.to_tag:
            raw.voice.aim(m.body).talking = True
            raw.reply(m, 200, sdp=True)
        else:
            raw.reply(m, 503, headers=["Retry-After: 60"])
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": answers, "BYE": 200})
    ca.voice = Ear(ca.ip, 21000, word=b"carrier")
    t.start()
    assert t.told("media.prompts")
    kedge = t.kedge_at()
    pbx = t.tool()
    ear = Ear(pbx.ip, 21200, word=b"pbx")
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp("0", 21200)), kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 8), pbx.messages()
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    ear.aim(ok.body).talking = True
    assert t.until(lambda: len(ear.heard(ca.voice)) > 20 and len(ca.voice.heard(ear)) > 20, 5)

    def offers(cseq, direction):
        n = len(pbx.got("200 INVITE"))
        pbx.say(pbx.follow(ok, "INVITE", cseq, body=pbx.sdp("0", 21200).replace(" 1 1 IN", " 1 %d IN" % cseq) + "a=%s\r\n" % direction), kedge)
        assert t.until(lambda: len(pbx.got("200 INVITE")) > n, 5), pbx.messages()
        pbx.say(pbx.follow(ok, "ACK", cseq), kedge)
    ear.talking = False
    offers(2, "inactive")
    heard = len(ear.packets)
    assert t.until(lambda: len(ca.voice.foreign(ear)) > 50, 5), "nothing but silence"
    assert len(ear.packets) - heard < 10, "the carrier is heard through the hold"
    noise = ca.voice.foreign(ear)
    assert -62 < loudness(samples(noise[5:45])) < -48, loudness(samples(noise[5:45]))
    said = len(ca.voice.heard(ear))
    offers(3, "sendrecv")
    ear.talking = True
    assert t.until(lambda: len(ca.voice.heard(ear)) > said + 25 and len(ear.packets) > heard + 20, 5)
    pbx.say(pbx.follow(ok, "BYE", 4), kedge)
    assert t.until(lambda: pbx.got("200 BYE") and ca.received("BYE"), 3)
    one_line(ca.voice.packets)
    behind = [p for p in ca.voice.packets if p.at > noise[-1].at]
    assert ca.voice.packets[-20:] == [p for p in ca.voice.heard(ear)][-20:] and behind, "noise behind the voice"
    for one in (ear, ca.voice):
        one.stop()
    t.cdrs = 1
    t.audio_strict = False
