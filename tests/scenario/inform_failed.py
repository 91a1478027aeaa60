# SPDX-License-Identifier: MIT
"""inform_failed: announce_failed. Both carriers answer 503: the caller hears the announcement, all of it, in a 183 with SDP, and then the final answer. A caller whose callee is busy gets 486 at
once. A file that is gone is an error of `kedge check` and of a reload, with its line, and the running configuration stays."""
import math
import os
import re
import struct
import subprocess
import wave

from ear import Ear, level, loudness, one_line, samples, table


def write(path, seconds=1.2, f=700, rate=22050):
    with wave.open(path, "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(b"".join(struct.pack("<hh", *[int(8000 * math.sin(2 * math.pi * f * i / rate))] * 2) for i in range(int(seconds * rate))))


def scenario(t):
    busy = {"+442071838759": 486}

    def answers(raw, m):
        raw.reply(m, 100)
        if "2071838758@" in m.text.partition("\r\n")[0]:
            head = "".join("%s: %s\r\n" % h for h in m.headers if h[0].lower() in ("via", "from", "call-id", "cseq"))
            sdp = raw.sdp("18", 21300)
            raw.say("SIP/2.0 183 Early\r\n%sTo: %s;tag=raw\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
                head, m["To"], raw.here, len(sdp), sdp), m.source)
        raw.reply(m, next((c for n, c in busy.items() if n[1:] in m.text.partition("\r\n")[0]), 503))
    for name in ("ca", "cb"):
        t.silent(name, {"OPTIONS": 200, "INVITE": answers}, breaker={"consecutive": 0, "window": []})
    sound = os.path.join(t.folder, "sorry.wav")
    write(sound)
    t.profile = {"announce_failed": sound}
    t.start()
    assert t.told("media.prompts")
    kedge = t.kedge_at()
    pbx = t.tool()
    ear = Ear(pbx.ip, 21200)
    body = pbx.sdp("0 8", 21200)

    def ack(raw, m):
        if m.code and m.code >= 300 and "INVITE" in m["CSeq"]:
            branch = re.search("branch=([^;\r]+)", m["Via"]).group(1).replace("z9hG4bK", "", 1)
            number = re.search(r"<sip:([^@]+)@", m["To"]).group(1)
            raw.say(raw.compose("ACK", "sip:%s@%s:%d" % (number, *kedge), m["From"], m["To"], m["Call-ID"], 1, branch=branch), kedge)
    pbx.answers["response"] = ack
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=body, call_id="a", branch="a"), kedge)
    assert t.until(lambda: any(m.code and m.code >= 300 for m in pbx.messages()), 8), pbx.messages()
    told, final = pbx.first("183 INVITE"), next(m for m in pbx.messages() if m.code and m.code >= 300)
    assert final.code in (500, 503) and 1.2 < t.gap(told, final) < 3.3, (final.code, t.gap(told, final))
    assert re.search(r"m=audio [1-9]\d* RTP/AVP 0\s", told.body), told.body
    one_line(ear.packets)
    pcm = [x for p in ear.packets for x in samples([p])]  # a machine that stands still puts time between two packets, and leaves nothing out
    assert -11 < level(pcm[800:8800], 700) < -7, (level(pcm[800:8800], 700), table(ear.packets))
    loud = sum(loudness(pcm[i:i + 80]) > -40 for i in range(0, len(pcm), 80))
    assert 115 <= loud <= 125, "%d ms of it: not all, or more than once" % (10 * loud) + table(ear.packets)
    n = len(ear.packets)
    pbx.say(pbx.begin("INVITE", "+442071838759", kedge, body=body, call_id="b", branch="b"), kedge)
    assert t.until(lambda: pbx.got("486 INVITE"), 3)
    assert len(ear.packets) == n and len(pbx.got("183 INVITE")) == 1
    # bound by early media to what kedge cannot play: nobody waits for what cannot be heard
    pbx.say(pbx.begin("INVITE", "+442071838758", kedge, body=pbx.sdp("18 0", 21200), call_id="d", branch="d"), kedge)
    last = lambda code: [m for m in pbx.messages() if m.code and code(m.code) and m["Call-ID"] == "d"]  # noqa: E731
    assert t.until(lambda: last(lambda c: c >= 300), 8), pbx.messages()
    assert re.search(r"m=audio [1-9]\d* RTP/AVP 18\s", last(lambda c: c == 183)[0].body)
    assert t.gap(last(lambda c: c == 183)[0], last(lambda c: c >= 300)[0]) < 1 and len(ear.packets) == n

    os.unlink(sound)
    line = next(i + 1 for i, one in enumerate(open(t.config)) if "announce_failed" in one)
    done = subprocess.run([os.path.join(t.build, "kedge"), "check", "-f", t.config], capture_output=True, text=True, env=dict(os.environ, KEDGE_TEST="1"))
    assert done.returncode != 0 and re.search(r"kedge\.cfg:%d: error: .*announce_failed: cannot play \"%s\"" % (line, re.escape(sound)), done.stdout + done.stderr), done.stdout + done.stderr
    done = subprocess.run([os.path.join(t.build, "kedge"), "reload", "-f", t.config], capture_output=True, text=True, env=dict(os.environ, KEDGE_TEST="1"))
    assert done.returncode != 0 and "cannot play" in done.stdout + done.stderr, done.stdout + done.stderr
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=body, call_id="c", branch="c"), kedge)
    assert t.until(lambda: len(pbx.got("183 INVITE")) == 3 and len(ear.packets) > n + 20, 5), "what was loaded goes on"
    assert t.until(lambda: len({m["Call-ID"] for m in pbx.messages() if m.code and m.code >= 500}) == 3, 5)
    ear.stop()
    t.cdrs = 4
    t.audio_strict = False
