# SPDX-License-Identifier: MIT
"""clocks (A92, A154): early media of one carrier, 503, the answer of another. Where the second has a codec of another clock rate, the PBX hears another SSRC whose sequence goes on, and a BYE for the one before;
else one SSRC and one line. Reports name a time that fits the line within a millisecond, events keep their number on each side: 101 at the PBX, 97 at the second carrier."""
import re
import struct
import time

from talker import Talker, sound

OPUS = "a=rtpmap:96 opus/48000/2\r\n"
EVENT = "a=rtpmap:%d telephone-event/8000\r\n"
FIRST = {"1": ("96 0 101", OPUS + EVENT % 101), "2": ("0 101", EVENT % 101)}
DIGIT = [bytes([5, 10, 0, 160 * k]) for k in (1,)] + [bytes([5, 0x8a, 1, 64])] * 3


def scenario(t):
    ends, to = {}, {}

    def says(raw, m, code, talker, pts, maps):
        body = raw.sdp(pts, talker.port) + maps
        keep = "".join("%s: %s\r\n" % (k, v) for k, v in m.headers if k.lower() in ("via", "from", "call-id"))
        raw.say("SIP/2.0 %d Said\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
            code, keep, m["To"], m["CSeq"], raw.here, len(body), body), m.source)

    def first(raw, m):
        n = number(m)
        here = ends[n, "ca"] = Talker(t.ip(2, 1))
        to[n, "ca"] = address(m.body)
        raw.reply(m, 100)
        says(raw, m, 183, here, *(FIRST[n] if n == "1" else ("0 100", EVENT % 100)))
        raw.later(0.9, lambda: raw.reply(m, 503, tag="raw"))

    def second(raw, m):
        n = number(m)
        here = ends[n, "cb"] = Talker(t.ip(2, 2))
        to[n, "cb"] = address(m.body)
        raw.reply(m, 100)
        says(raw, m, 200, here, "0 97", EVENT % 97)

    t.silent("ca", {"OPTIONS": 200, "INVITE": first})
    t.silent("cb", {"OPTIONS": 200, "INVITE": second, "BYE": 200})
    t.start()
    pbx, kedge = t.tool(), t.kedge_at()

    def heard(raw, m):
        if m.code in (183, 200) and m.method == "INVITE":
            to[m["Call-ID"], "pbx"] = address(m.body)
        if m.is_("200 INVITE"):
            raw.say(raw.follow(m, "ACK", 1), kedge)
    pbx.answers["response"] = heard
    for n in FIRST:
        ends[n, "pbx"] = Talker(t.ip(1, 9))
        pbx.say(pbx.begin("INVITE", "+44" + n, kedge, call_id=n, tag="t" + n, branch="b" + n, body=pbx.sdp(FIRST[n][0], ends[n, "pbx"].port) + FIRST[n][1]), kedge)
    assert t.until(lambda: all((n, "pbx") in to and (n, "ca") in ends for n in FIRST), 10), to
    early = next(m for m in pbx.got(183) if m["Call-ID"] == "2").body
    assert re.search(r"RTP/AVP 0 101\s", early) and "a=rtpmap:101 telephone-event" in early, early  # its own number, whatever the carrier's is
    for i in range(20):  # 20 ms each: opus by its name alone, and PCMU
        for n, pt, step in (("1", 96, 960), ("2", 0, 160)):
            ends[n, "ca"].say(to[n, "ca"], pt, 9000 + i, 77777 + i * step, sound(i * 160, 160), ssrc=0xca, marker=i == 0)
        time.sleep(0.02)
    assert t.until(lambda: all((n, "cb") in ends for n in FIRST) and pbx.received("200 INVITE") >= 2, 10), ends
    began = {}
    for i in range(30):
        for n in FIRST:
            cb = ends[n, "cb"]
            began.setdefault(n, time.time())
            cb.say(to[n, "cb"], 0, 100 + i, 5000 + i * 160, sound(i * 160, 160), ssrc=0xcb, marker=i == 0)
            if i == 20:
                now = time.time()
                host, port = to[n, "cb"]
                ntp = now + 2208988800
                cb.rtcp.sendto(struct.pack(">BBHIIIIII", 0x80, 200, 6, 0xcb, int(ntp), int(ntp % 1 * 2**32), 5000 + round((now - began[n]) * 8000), 20, 3200), (host, port + 1))
                began[n, "sr"] = now
        time.sleep(0.02)
    for n in FIRST:
        for k, event in enumerate(DIGIT):
            ends[n, "cb"].say(to[n, "cb"], 97, 130 + k, 5000 + 30 * 160, event, ssrc=0xcb, marker=k == 0)
            ends[n, "pbx"].say(to[n, "pbx"], 101, 600 + k, 88, event, marker=k == 0)
    assert t.until(lambda: all(sum(p.pt == 101 for p in ends[n, "pbx"].heard) == len(DIGIT) and sum(p.pt == 97 for p in ends[n, "cb"].heard) == len(DIGIT) for n in FIRST), 5), [
        (n, [p.pt for p in ends[n, w].heard][-6:]) for n in FIRST for w in ("pbx", "cb")]
    for n in FIRST:
        look(n, ends[n, "pbx"], began)
        pbx.say(pbx.follow(next(m for m in pbx.got("200 INVITE") if m["Call-ID"] == n), "BYE", 2), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == 2, 5)
    t.cdrs = 2
    t.audio_strict = False


def number(m):
    return m.uri.partition("@")[0][-1]


def address(body):
    return (re.search(r"c=IN IP4 (\S+)", body).group(1), int(re.search(r"m=audio (\d+)", body).group(1)))


def look(n, pbx, began):
    packets = list(pbx.heard)
    old = [p for p in packets if p.payload == sound(p.ts and packets.index(p) * 160, 160) and packets.index(p) < 20]
    assert len(old) == 20 and [p.payload for p in packets[20:50]] == [sound(i * 160, 160) for i in range(30)], (n, len(old), len(packets))
    new = packets[20:]
    assert [(b.seq - a.seq) & 0xffff for a, b in zip(packets, packets[1:])] == [1] * (len(packets) - 1), (n, [p.seq for p in packets])
    assert new[0].marker and len({p.ssrc for p in old}) == 1 and len({p.ssrc for p in new}) == 1
    assert (old[0].ssrc != new[0].ssrc) == (n == "1"), n
    byes = [ssrc for _, data in pbx.reports for kind, ssrc in parts(data) if kind == 203]
    assert byes == ([old[0].ssrc] if n == "1" else []), (n, byes)
    offset = (new[0].ts - 5000) & 0xffffffff
    assert all((p.ts - 5000 - i * 160) & 0xffffffff == offset for i, p in enumerate(new[:30])), n
    reports = [data for _, data in pbx.reports if data[1] == 200]
    assert len(reports) == 1 and struct.unpack(">I", reports[0][4:8])[0] == new[0].ssrc, (n, reports)
    high, low, ts = struct.unpack(">III", reports[0][8:20])
    when = high + low / 2**32 - 2208988800
    due = new[0].ts + (when - began[n]) * 8000
    assert abs(((ts - round(due) + 2**31) & 0xffffffff) - 2**31) <= 8, "%s: the report is %d samples off the line" % (n, ts - due)


def parts(data):
    """(type, first SSRC) of each packet of a compound."""
    while len(data) >= 4:
        size = 4 * (struct.unpack(">H", data[2:4])[0] + 1)
        yield data[1], struct.unpack(">I", data[4:8])[0] if size >= 8 else 0
        data = data[size:]
