# SPDX-License-Identifier: MIT
"""dtmf_clocks (A100): the carrier that rang agreed on telephone-event of 16,000 Hz with the caller. The second one has 8,000 Hz for all its codecs, whatever it is offered, and another number for it.
The caller's answer stands; twelve digits each way are exact in both clocks, with their lengths, once."""
import re

from digits import Digits

TYPED = "1234567890*#"
ON = [100, 120, 140]
OFFERED = "a=rtpmap:96 SPEEX/16000\r\na=rtpmap:100 telephone-event/16000\r\na=rtpmap:101 telephone-event/8000\r\n"


def answer(raw, m, code, formats, lines):
    keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id"))
    body = raw.sdp(formats, 21000) + lines
    raw.say("SIP/2.0 %d Said\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
        code, keep, m["To"], m["CSeq"], raw.here, len(body), body), m.source)


def aim(end, body, rate):
    event = int(re.search(r"a=rtpmap:(\d+) telephone-event/%d" % rate, body).group(1))
    end.aim((re.search(r"c=IN IP4 (\S+)", body).group(1), int(re.search(r"m=audio (\d+)", body).group(1))), event)


def scenario(t):
    t.audio_strict = False
    rtp = {}

    def rings(raw, m):
        answer(raw, m, 183, "96 100", "a=rtpmap:96 SPEEX/16000\r\na=rtpmap:100 telephone-event/16000\r\n")
        t.asked = m

    def takes(raw, m):
        rtp["cb"] = Digits(raw.ip, 21000, rate=16000, events=8000, audio=96)
        answer(raw, m, 200, "96 101", "a=rtpmap:96 SPEEX/16000\r\na=rtpmap:101 telephone-event/8000\r\n")
        assert "telephone-event/8000" not in m.body, m.body
        aim(rtp["cb"], m.body, 16000)
        rtp["cb"].pt = 101

    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings})
    t.silent("cb", {"OPTIONS": 200, "INVITE": takes, "BYE": 200})
    t.start()
    inside = (t.ip(3), 5060)
    raw = t.tool(host=1, port=5062)
    pbx = Digits(raw.ip, 21000, rate=16000, audio=96)
    raw.say(raw.begin("INVITE", "+442071838750", inside, "in", body=raw.sdp("96 0 100 101", 21000) + OFFERED), inside)
    said = lambda code: [m for m in raw.messages() if m.way == "in" and m.code == code]  # noqa: E731
    assert t.until(lambda: said(183), 15)
    aim(pbx, said(183)[0].body, 16000)
    ca.reply(t.asked, 503)
    assert t.until(lambda: said(200), 15)
    ok = said(200)[0]
    assert "telephone-event/16000" in ok.body and "telephone-event/8000" not in ok.body, ok.body
    raw.say(raw.follow(ok, "ACK", 1), inside)
    for end in (pbx, rtp["cb"]):
        end.type(TYPED, ON)
    for end in (pbx, rtp["cb"]):
        end.wait()
    for end in (rtp["cb"], pbx):
        assert t.until(lambda: "".join(k for k, _ in end.events()) == TYPED and end.events()[-1][1] >= ON[2] - 20, 15), end.events()  # noqa: B023
        for i, (key, ms) in enumerate(end.events()):
            assert end.stalled or abs(ms - ON[i % 3]) <= 20, end.events()
    raw.say(raw.follow(ok, "BYE", 2), inside)
    for end in (rtp["cb"], pbx):
        end.stop()
    t.cdrs = 1
