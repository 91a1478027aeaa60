# SPDX-License-Identifier: MIT
"""dtmf_failover (A100): digits over a failover. The primary's early media takes digits (its menu) and sends some; both are in mid-digit when it fails. Each open digit
is closed by three end packets toward whoever heard its beginning, and its rest goes to nobody. The second carrier numbers telephone-event 96 where the PBX has 101: twelve
digits each way, exact, lengths kept, none twice; also with one packet of twenty lost."""
import re
import struct

from digits import Digits, KEYS

TYPED = "1234567890*#"
ON = [100, 120, 140]


def sdp(raw, port, event):
    return raw.sdp("0 %d" % event, port) + "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n" % (event, event)


def answer(raw, m, code, body):
    keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id"))
    raw.say("SIP/2.0 %d Said\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
        code, keep, m["To"], m["CSeq"], raw.here, len(body), body), m.source)


def aim(end, body, event):
    found = re.search(r"m=audio (\d+) RTP/AVP", body)
    end.aim((re.search(r"c=IN IP4 (\S+)", body).group(1), int(found.group(1))), event)


def ends(end, key):
    """End packets of that digit: (number, how many of them, duration in ms) of each event."""
    found = {}
    for _, d in end.got:
        if d[1] & 0x7f == end.pt and len(d) >= 16 and KEYS[d[12]] == key and d[13] & 0x80:
            found.setdefault(d[4:12], []).append(struct.unpack(">H", d[14:16])[0] // 8)
    return list(found.values())


def scenario(t):
    t.audio_strict = False
    rtp = {}

    def menu(raw, m):
        rtp["ca"] = Digits(raw.ip, 21000)
        answer(raw, m, 183, sdp(raw, 21000, 101))
        aim(rtp["ca"], m.body, 101)
        t.asked = m

    def takes(raw, m):
        rtp["cb"] = Digits(raw.ip, 21000, lose=0.05)
        answer(raw, m, 200, sdp(raw, 21000, 96))
        aim(rtp["cb"], m.body, 96)

    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": menu})
    t.silent("cb", {"OPTIONS": 200, "INVITE": takes, "BYE": 200})
    t.start()
    inside = (t.ip(3), 5060)
    raw = t.tool(host=1, port=5062)
    pbx = rtp["pbx"] = Digits(raw.ip, 21000, lose=0.05)
    raw.say(raw.begin("INVITE", "+442071838750", inside, "in", body=sdp(raw, 21000, 101)), inside)
    assert t.until(lambda: [m for m in raw.messages() if m.code == 183], 15)
    aim(pbx, next(m for m in raw.messages() if m.code == 183).body, 101)

    # the menu, in early media
    pbx.lose = 0
    pbx.type("12345", ON)
    rtp["ca"].type("67", ON)
    both = lambda: (keys(rtp["ca"].events()), keys(pbx.events())) == ("12345", "67")  # noqa: E731
    assert t.until(both, 15), (rtp["ca"].events(), pbx.events())

    # it fails while both hold a key
    pbx.wait()
    pbx.type("9", 1600)
    rtp["ca"].type("8", 3000)
    assert t.until(lambda: last(rtp["ca"]) == "9" and last(pbx) == "8", 15)
    ca.reply(t.asked, 503)
    assert t.until(lambda: [m for m in raw.messages() if m.code == 200], 15)
    ok = next(m for m in raw.messages() if m.code == 200)
    raw.say(raw.follow(ok, "ACK", 1), inside)
    assert t.until(lambda: ends(pbx, "8") and ends(rtp["ca"], "9"), 15), "the open digits were not closed"
    pbx.wait()
    rtp["ca"].stop()
    for end, key in ((pbx, "8"), (rtp["ca"], "9")):
        assert len(ends(end, key)) == 1 and len(ends(end, key)[0]) == 3 and len(set(ends(end, key)[0])) == 1, (key, ends(end, key))
    assert keys(rtp["ca"].events()) == "123459" and keys(pbx.events()) == "678" and rtp["cb"].events() == []

    # twelve each way, 101 here and 96 there
    pbx.got.clear()
    pbx.lose = 0.05
    pbx.type(TYPED, ON)
    rtp["cb"].type(TYPED, ON)
    pbx.wait()
    rtp["cb"].wait()
    for end in (rtp["cb"], pbx):
        assert t.until(lambda: keys(end.events()) == TYPED, 15), end.events()  # noqa: B023
        for i, (key, ms) in enumerate(end.events()):
            assert abs(ms - ON[i % 3]) <= 20, end.events()
    raw.say(raw.follow(ok, "BYE", 2), inside)
    for end in (rtp["cb"], pbx):
        end.stop()
    t.cdrs = 1
    assert t.until(lambda: t.cdr(), 15)
    said = t.cdr()[0]["media"]
    assert (said["dtmf_in"], said["dtmf_out"], said["digits"]) == ("rfc4733", "rfc4733", 0), said


def keys(heard):
    return "".join(k for k, _ in heard)


def last(end):
    heard = end.events()
    return heard[-1][0] if heard else None
