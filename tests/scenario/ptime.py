# SPDX-License-Identifier: MIT
"""ptime: carriers with a packet size of their own, 10 to 40 ms, whatever the PBX sends, and the PBX gets what its SDP asks for: every sample both ways at its timestamp, in packets of exactly that size, one
sequence and timestamp line. What a sender lost stays lost and is a gap in the sequence; where it was silent nothing is filled, and the next packet has the marker. Without the setting nothing changes."""
import re
import time

from talker import Talker, sound

SIZES = {"1": (20, 30), "2": (10, 40), "3": (40, 20), "4": (30, 20), "5": (None, 30)}  # number -> the carrier's trunk, the PBX


def scenario(t):
    ends = {}

    def answered(raw, m):
        n = m.uri.partition("@")[0][-1]
        here = ends[n, "ca"] = Talker(t.ip(2, int(n)))
        ms = SIZES[n][0] or 20
        body = raw.sdp("0", here.port) + "a=ptime:%d\r\n" % ms
        ends[n, "to ca"] = address(m.body)
        raw.reply(m, 100)
        keep = "".join("%s: %s\r\n" % (k, v) for k, v in m.headers if k.lower() in ("via", "from", "call-id"))
        raw.say("SIP/2.0 200 OK\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
            keep, m["To"], m["CSeq"], raw.here, len(body), body), m.source)

    for n, (ms, _) in SIZES.items():
        t.silent("c" + n, {"OPTIONS": 200, "INVITE": answered, "BYE": 200}, **({"ptime": str(ms)} if ms else {}))
    t.profiles = {"p" + n: {"targets": [{"trunk": "c" + n}]} for n in SIZES}
    t.routes = [{"name": "r" + n, "from": "pbx1", "did": "+44" + n, "profile": "p" + n} for n in SIZES]
    t.start()
    pbx, kedge = t.tool(), t.kedge_at()

    def heard(raw, m):
        if m.is_("200 INVITE"):
            ends[m["Call-ID"], "to pbx"] = address(m.body)
            raw.say(raw.follow(m, "ACK", 1), kedge)
    pbx.answers["response"] = heard
    for n, (_, ms) in SIZES.items():
        ends[n, "pbx"] = Talker(t.ip(1, 9))
        pbx.say(pbx.begin("INVITE", "+44" + n, kedge, call_id=n, tag="t" + n, branch="b" + n, body=pbx.sdp("0", ends[n, "pbx"].port) + "a=ptime:%d\r\n" % ms), kedge)
    assert t.until(lambda: all((n, "to pbx") in ends for n in SIZES), 10), list(ends)
    threads = []
    for n, (out, inside) in SIZES.items():
        for who, to, ms in (("pbx", "to pbx", inside), ("ca", "to ca", out or 20)):
            threads.append(ends[n, who].talk(ends[n, to], 0, ms, 1800 // ms, lose={500 // ms, 800 // ms, 800 // ms + 1}, silent={1200 // ms}))
    for thread in threads:
        thread.join()
    time.sleep(0.5)
    for n, (out, inside) in SIZES.items():
        look("to carrier " + n, ends[n, "pbx"], ends[n, "ca"], out)
        look("to pbx " + n, ends[n, "ca"], ends[n, "pbx"], inside if out else None)
        offer = next(m for m in t.peers["c" + n].got("INVITE"))
        assert re.findall(r"a=ptime:(\d+)", offer.body) == [str(out or inside)], offer.body
        pbx.say(pbx.follow(next(m for m in pbx.got("200 INVITE") if m["Call-ID"] == n), "BYE", 2), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == len(SIZES), 5)
    t.cdrs = len(SIZES)
    t.audio_strict = False


def address(body):
    return (re.search(r"c=IN IP4 (\S+)", body).group(1), int(re.search(r"m=audio (\d+)", body).group(1)))


def look(what, said, heard, ms):
    packets = list(heard.heard)
    assert packets and len({p.ssrc for p in packets}) == 1 and all(p.plain and p.pt == 0 for p in packets), what
    first = said.sent[0][2]
    want, got = set(), set()
    for _, _, ts, payload in said.sent:
        want.update((ts - first + i) & 0xffffffff for i in range(len(payload)))
    for p in packets:
        assert p.payload == sound(p.ts, len(p.payload)), "%s: other samples at %d" % (what, p.ts)
        assert not got & {(p.ts - first + i) & 0xffffffff for i in range(len(p.payload))}, what
        got.update((p.ts - first + i) & 0xffffffff for i in range(len(p.payload)))
    assert got == want, "%s: %d samples of %d, %d too many" % (what, len(got & want), len(want), len(got - want))
    if ms:
        whole = [p for p in packets if len(p.payload) == 8 * ms]
        assert len(packets) - len(whole) <= 8, "%s: sizes %s" % (what, [len(p.payload) for p in packets])  # before each gap, the last one, and where the sender itself stood still
    gaps = lost = 0
    for a, b in zip(packets, packets[1:]):
        steps, hole = (b.seq - a.seq) & 0xffff, (b.ts - a.ts - len(a.payload)) & 0xffffffff
        assert 1 <= steps < 20 and hole < 16000, (what, steps, hole)
        assert (steps > 1) == (0 < hole < 2000), "%s: %d samples missing, sequence %d further" % (what, hole, steps)
        assert b.marker == (hole >= 4000), (what, hole, b.marker)
        lost += steps > 1
        gaps += hole >= 4000
    assert lost == 2 and gaps == 1 and packets[0].marker, (what, lost, gaps)
    sent = {}
    for when, _, ts, payload in said.sent:
        sent[(ts + len(payload)) & 0xffffffff] = when
    late = [p.when - sent[end] for p in packets for end in [(p.ts + len(p.payload)) & 0xffffffff] if end in sent and (not ms or len(p.payload) == 8 * ms)]
    assert late and sorted(late)[len(late) // 2] < 0.05, "%s: made %s s after the last sample came" % (what, sorted(late)[-3:])
