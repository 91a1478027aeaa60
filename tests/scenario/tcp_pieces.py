# SPDX-License-Identifier: MIT
"""tcp_pieces: SIP over TCP has no packets. An INVITE comes in pieces of 7 bytes with keep-alive line ends before it, ACK and BYE in one write: all is understood."""
import re
import socket


def scenario(t):
    ca = t.carrier("ca", answer())
    t.start()
    raw = t.tool()
    kedge = (t.ip(3), 5060)
    s = socket.socket()
    s.bind((raw.ip, 0))
    s.connect(kedge)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(5)
    tcp = lambda text: re.sub(r"SIP/2.0/UDP \S+;branch", "SIP/2.0/TCP %s:%d;branch" % s.getsockname(), text)
    data = b"\r\n\r\n" + tcp(raw.begin("INVITE", "+442071838750", kedge, body=raw.sdp())).encode()
    for i in range(0, len(data), 7):
        s.send(data[i:i + 7])
        t.until(lambda: False, 0.002)
    heard = read(s, b"", lambda h: b"SIP/2.0 200" in h and h.count(b"m=audio") == 1 and h.endswith(b"\r\n"))
    contact = re.search(rb"Contact: <(.*?)>", heard).group(1).decode()
    to = re.findall(rb"To: (.*?)\r\n", heard)[-1].decode()
    rest = [raw.compose(m, contact, "<sip:1001@%s>;tag=raw" % raw.ip, to, "raw", n, "", m) for m, n in (("ACK", 1), ("BYE", 2))]
    s.send("".join(tcp(x) for x in rest).encode())
    read(s, b"", lambda h: b"SIP/2.0 200" in h and b"2 BYE" in h)
    assert t.until(lambda: ca.received("BYE") == 1, 3) and ca.received("INVITE") == 1
    s.close()
    t.cdrs = 1
    t.audio_strict = False


def read(s, heard, enough):
    while not enough(heard):
        more = s.recv(65536)
        assert more, heard
        heard += more
    return heard
