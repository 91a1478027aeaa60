# SPDX-License-Identifier: MIT
"""baresip_early (A92): baresip hears the early media of one carrier, then the answer of another, which has the other law of G.711. One stream to its jitter buffer: in what it played, the first one's sound is followed
by the second one's without a hole of more than a packet beyond what the two left between them, and nothing of either is missing."""
import math
import re
import shutil
import threading
import time

from phone import RATE, Phone, samples
from talker import Talker

HZ = {"ca": 440, "cb": 1250}


def ulaw(x):
    sign, x = (0x80, -x) if x < 0 else (0, x)
    x = min(x, 32635) + 132
    e = x.bit_length() - 8
    return ~(sign | e << 4 | (x >> (e + 3)) & 15) & 0xff


def alaw(x):
    sign, x = (0, ~x) if x < 0 else (0x80, x)
    e = max(0, x.bit_length() - 8)
    return (sign | e << 4 | (x >> (e + 3 if e else 4)) & 15) ^ 0x55


def tone(who, at):
    code = ulaw if who == "ca" else alaw
    return bytes(code(int(12000 * math.sin(2 * math.pi * HZ[who] * (at + i) / RATE))) for i in range(160))


class Voice:
    """A tone from now until it is told to stop."""

    def __init__(self, who, talker, to, pt):
        self.talker, self.on = talker, True
        threading.Thread(target=self.run, args=(who, to, pt), daemon=True).start()

    def run(self, who, to, pt):
        when, i = time.monotonic(), 0
        while self.on:
            self.talker.say(to, pt, 3000 + i, 160 * i, tone(who, 160 * i), ssrc=0xc0 + len(who) + HZ[who], marker=i == 0)
            i, when = i + 1, when + 0.02
            time.sleep(max(0, when - time.monotonic()))


def scenario(t):
    if not shutil.which("baresip"):
        raise Skip("no baresip: tools/deps interop")
    t.trunk("pbx1", "pbx", 1, media_nets=["127.0.0.1/32"])
    voice = {}

    def says(raw, m, code, pt):
        talker = Talker(raw.ip)
        body = raw.sdp(str(pt), talker.port)
        keep = "".join("%s: %s\r\n" % (k, v) for k, v in m.headers if k.lower() in ("via", "from", "call-id"))
        to = (re.search(r"c=IN IP4 (\S+)", m.body).group(1), int(re.search(r"m=audio (\d+)", m.body).group(1)))
        raw.say("SIP/2.0 %d Said\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
            code, keep, m["To"], m["CSeq"], raw.here, len(body), body), m.source)
        voice[raw.name] = Voice(raw.name, talker, to, pt)

    def first(raw, m):
        raw.reply(m, 100)
        says(raw, m, 183, 0)
        raw.later(2.0, lambda: raw.reply(m, 503, tag="raw"))

    def second(raw, m):
        raw.reply(m, 100)
        says(raw, m, 200, 8)
        voice["ca"].on = False

    t.silent("ca", {"OPTIONS": 200, "INVITE": first})
    t.silent("cb", {"OPTIONS": 200, "INVITE": second, "BYE": 200})
    t.start()
    phone = Phone(t, "alice", "1001", t.ip(1), 20000 + 2 * t.slot, 1)
    try:
        phone.do("dial", "sip:+442071838750@%s" % t.ip(3))
        assert t.until(lambda: "Call established" in phone.text(), 10), phone.text()[-800:]
        time.sleep(2)
        phone.do("hangup")
        assert t.until(lambda: len(t.cdr()) == 1, 10), phone.text()[-800:]
        voice["cb"].on = False
    finally:
        phone.stop()
    files = phone.heard()
    assert len(files) == 1, files  # one stream, from the first early packet to the end
    look(samples(files[0]), voice)
    media = t.cdr()[0]["media"]
    assert media["transcoded"] and media["switches"] == 1, media
    t.cdrs = 1


def pitch(part):
    """Hz by zero crossings; 0: silence."""
    if max(abs(v) for v in part) < 2000:
        return 0
    return sum((a < 0) != (b < 0) for a, b in zip(part, part[1:])) * RATE / 2 / len(part)


def look(heard, voice):
    step = 80
    near = [next((who for who, hz in HZ.items() if abs(pitch(heard[i:i + step]) - hz) < 120), None) for i in range(0, len(heard) - step, step)]
    assert "ca" in near and "cb" in near, near
    last_ca, first_cb = len(near) - 1 - near[::-1].index("ca"), near.index("cb")
    assert last_ca < first_cb, (last_ca, first_cb)
    first, last = near.index("ca"), len(near) - 1 - near[::-1].index("cb")
    between = voice["cb"].talker.sent[0][0] - voice["ca"].talker.sent[-1][0] - 0.02
    hole = (first_cb - last_ca - 1) * step / RATE
    assert hole <= 0.02 + 0.02 + max(0, between), "a hole of %d ms where the carriers left %d" % (hole * 1000, between * 1000)
    odd = [i * 10 for i in range(first, last) if near[i] is None and not last_ca < i < first_cb]
    assert len(odd) <= 4, "at these ms neither of the two: %s" % odd
    said = len(voice["ca"].talker.sent) * 0.02
    assert (last_ca - first) * step / RATE > said - 0.25, (last_ca - first, said)
