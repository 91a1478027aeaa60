# SPDX-License-Identifier: MIT
"""ringback_behind_early: the first carrier sent its own early audio in a 183 and then failed; the second one rings with a bare 180. The caller's phone plays no tone of its own any more: kedge plays the country's
ringback until the second carrier's audio comes, on the line that the first one's voice was on."""
from ear import Ear, level, one_line, samples


def scenario(t):
    def early(raw, m):
        raw.voice.aim(m.body).talking = True
        raw.reply(m, 183, sdp=True)
        raw.later(0.8, lambda: (setattr(raw.voice, "talking", False), raw.reply(m, 503)))

    def rings(raw, m):
        raw.reply(m, 180)
        raw.voice.aim(m.body)
        raw.later(1.2, lambda: (raw.reply(m, 200, sdp=True), setattr(raw.voice, "talking", True)))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": early}, advance_after="183")
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": rings, "BYE": 200})
    ca.voice, cb.voice = Ear(ca.ip, 21000, word=b"carrier a", ssrc=0xa), Ear(cb.ip, 21000, word=b"carrier b", ssrc=0xb)
    t.profile = {"country": "us", "targets": [{"trunk": "ca"}, {"trunk": "cb"}]}
    t.start()
    assert t.told("media.prompts")
    kedge = t.kedge_at()
    pbx = t.tool()
    ear = Ear(pbx.ip, 21200)
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp("0", 21200)), kedge)
    assert t.until(lambda: pbx.got("200 INVITE"), 8), pbx.messages()
    ok = pbx.first("200 INVITE")
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    assert t.until(lambda: len(ear.heard(cb.voice)) > 20, 5)
    pbx.say(pbx.follow(ok, "BYE", 2), kedge)
    assert t.until(lambda: pbx.got("200 BYE") and cb.received("BYE"), 3)
    one_line(ear.packets)
    a, tone, b = ear.heard(ca.voice), ear.foreign(ca.voice, cb.voice), ear.heard(cb.voice)
    order = [p for p in ear.packets]
    assert order == a + tone + b, "one behind the other"
    assert len(a) > 20 and len(tone) > 20
    pcm = [x for p in tone for x in samples([p])]
    assert -16 < level(pcm[:4000], 440) < -11 and -16 < level(pcm[:4000], 480) < -11, level(pcm[:4000], 440)
    for one in (ear, ca.voice, cb.voice):
        one.stop()
    t.cdrs = 1
    t.audio_strict = False
