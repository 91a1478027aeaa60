# SPDX-License-Identifier: MIT
"""smuggled: bytes that one side could read as the end of a line or of a message and the other not: two Content-Lengths, CR or LF alone, NUL, folded lines, a second message in
the first one's body. By UDP and TCP. What the carrier's socket gets is compared byte by byte: nothing of it became a header or a message there, and good calls pass after."""
import re
import socket

SDP = "v=0\r\no=n 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 21000 RTP/AVP 0\r\n"
EVIL = "BYE sip:evil@evil SIP/2.0\r\nVia: SIP/2.0/UDP evil;branch=z9hG4bKevil\r\nEvil: 1\r\nContent-Length: 0\r\n\r\n"
# A line put into a good INVITE, and what becomes of it: a call, "400" (TCP: closed), or "call" with the value as one line.
LINES = {
    "lf": ("Subject: a\nEvil: 1", "call"), "cr": ("Subject: a\rEvil: 1", "call"), "nul": ("Subject: a\0Evil: 1", "call"),
    "lf_lf": ("Subject: a\n\n" + EVIL.replace("\r\n\r\n", "\r\n").rstrip("\r\n").replace("\r\n", "\n"), "call"),
    "cr_cr_lf": ("Subject: a\r\r\n Evil: 1", "call"), "folded": ("Subject: a\r\n Evil: 1", "call"), "folded_twice": ("Subject:\r\n\ta\r\n\tEvil: 1", "call"),
    "folded_empty": ("Subject: a\r\n \r\n Evil: 1", "call"), "quoted": ("Subject: \"a\n\"\r\n Evil: 1", "call"),
    "two_lengths": ("Content-Length: 0", "400"), "compact_too": ("l: 1", "400"), "folded_length": ("Content-Length:\r\n 0", "400"),
    "signed": ("Content-Length: +0", "400"), "hex": ("l: 0x10", "400"), "list": ("l: 0, 0", "400"), "huge": ("l: 4294967296", "400"),
}


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": 404})
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.0/24" % t.slot])
    t.trunks["ca"]["headers"] = {"pass": ["X-*", "Subject", "Evil"]}
    t.start()
    raw, kedge = t.tool(), (t.ip(3), 5060)
    asked = 0
    for stream in (False, True):
        for name, (line, what) in LINES.items():
            text, call_id = one(raw, kedge, name, line, stream)
            asked += what == "call"
            if stream:
                play(t, raw, kedge, text, call_id, what, ca, asked)
            else:
                raw.say(text, kedge)
                assert t.until(lambda: answer_to(raw, call_id), 3), "%s: no answer" % name
                code = answer_to(raw, call_id)
                assert code == (404 if what == "call" else 400), "%s: %d" % (name, code)
                if what == "call":
                    raw.say(ack(text), kedge)
    # What follows the body of a datagram is nobody's.
    text, call_id = one(raw, kedge, "behind", "Subject: b", False)
    raw.say(text + EVIL, kedge)
    assert t.until(lambda: answer_to(raw, call_id) == 404, 3)
    raw.say(ack(text), kedge)
    assert ca.received("INVITE") == asked + 1, (ca.received("INVITE"), asked)
    # Nor does a byte that is mended hide where a Via would have our answers go.
    for n, (put, rest) in enumerate((("\0", ""), ("\r", ""), ("", "\0"), ("\n", "\t"))):
        maddr = ";%smaddr%s=%s;branch=" % (put, rest, t.ip(1, 77))
        raw.say(raw.begin("OPTIONS", "1", kedge, "maddr-%d" % n, branch="m%d" % n).replace(";branch=", maddr, 1), kedge)
        assert t.until(lambda: answer_to(raw, "maddr-%d" % n) == 200, 3), repr(put + rest)
    raw.say(raw.begin("OPTIONS", "1", kedge, "maddr-x", branch="mx").replace("Via:", "Subject: y\r\n\n\r\nVia:", 1).replace(";branch=", ";maddr=%s;branch=" % t.ip(1, 77), 1), kedge)
    assert t.until(lambda: answer_to(raw, "maddr-x") == 200, 3)
    check(ca)
    for peer in (raw, ca):
        assert not [m for m in peer.messages() if m.way == "in" and ("evil" in m.first or "evil" in m["Via"])], peer.messages()
    f = t.figures()["counters"]
    assert f["mended"] >= 10 and f["stream_cut"] == sum(what == "400" for _, what in LINES.values()), f
    t.cdrs = asked + 1


def one(raw, kedge, name, line, stream):
    call_id = "%s-%d" % (name, stream)
    text = raw.begin("INVITE", "+442071838750", kedge, call_id, tag=call_id, body=SDP.format(ip=raw.ip), branch=call_id)
    if line.lower().startswith(("content-length", "l:")):
        head, rest = text.split("Content-Length:", 1)  # before and behind the good one, in turn
        text = head + line + "\r\nContent-Length:" + rest if stream else head + "Content-Length:" + rest.replace("\r\n\r\n", "\r\n" + line + "\r\n\r\n", 1)
    else:
        text = text.replace("Max-Forwards", line + "\r\nMax-Forwards")
    return text, call_id


def ack(text):
    head = text.split("\r\n\r\n")[0]
    head = "\r\n".join(x for x in head.split("\r\n") if re.match(r"INVITE|Via|From|To|Call-ID|CSeq|Max", x))
    return re.sub(r"^INVITE|INVITE$", "ACK", head, flags=re.M) .replace("1 INVITE", "1 ACK") + "\r\nContent-Length: 0\r\n\r\n"


def answer_to(raw, call_id):
    codes = [m.code for m in raw.messages() if m.way == "in" and m.code and m.code >= 200 and m["Call-ID"] == call_id]
    return codes[0] if codes else None


def play(t, raw, kedge, text, call_id, what, ca, asked):
    """The same over TCP, behind it a good message in the same write: a bad one costs the connection, and the good one with it."""
    with socket.socket() as s:
        s.bind((raw.ip, 0))
        s.connect(kedge)
        s.settimeout(5)
        text = re.sub(r"SIP/2.0/UDP \S+;branch", "SIP/2.0/TCP %s:%d;branch" % s.getsockname(), text, count=1)
        good = re.sub(r"SIP/2.0/UDP \S+;branch", "SIP/2.0/TCP %s:%d;branch" % s.getsockname(), raw.begin("OPTIONS", "1", kedge, call_id + "-o", branch=call_id + "o"))
        s.sendall((text + good).encode())
        heard = b""
        try:
            while what == "400" or not (b"404 " in heard and b"CSeq: 1 OPTIONS" in heard):
                more = s.recv(65536)
                if not more:
                    break
                heard += more
        except ConnectionResetError:
            pass
        if what == "400":
            assert b"SIP/2.0 200" not in heard and b"404" not in heard, (call_id, heard)
        else:
            assert b"SIP/2.0 404" in heard and b"SIP/2.0 200" in heard, (call_id, heard)
            s.sendall(ack(text).encode())


def check(ca):
    """Each message as it came: lines that end in CR LF, none folded, nothing below a space, one Content-Length that is true."""
    for m in ca.messages():
        if m.way != "in":
            continue
        head, _, body = m.text.partition("\r\n\r\n")
        assert not re.search(r"[\x00-\x08\x0a-\x1f]", head.replace("\r\n", "")), m.text
        assert not re.search(r"\r\n[ \t]", head), m.text
        assert not re.search(r"(?im)^(evil|[a-z]+ sip:evil)", head), m.text
        lengths = re.findall(r"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
        assert lengths == [str(len(body.encode()))], m.text
