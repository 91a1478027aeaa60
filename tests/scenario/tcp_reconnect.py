# SPDX-License-Identifier: MIT
"""tcp_reconnect: the PBX's TCP connection closes in mid-call. The call stays up; when the carrier hangs up, its BYE goes to the PBX's Contact over a new connection."""
import re
import socket


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [pause(1.0), bye(), recv(200)])
    t.start()
    raw = t.tool()
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((raw.ip, 5060))
    door.listen(1)
    s = socket.socket()
    s.bind((raw.ip, 0))
    s.connect((t.ip(3), 5060))
    s.settimeout(5)
    tcp = lambda text: re.sub(r"SIP/2.0/UDP \S+;branch", "SIP/2.0/TCP %s:%d;branch" % s.getsockname(), text).replace("5060>\r\nMax", "5060;transport=tcp>\r\nMax")
    s.send(tcp(raw.begin("INVITE", "+442071838750", (t.ip(3), 5060), body=raw.sdp())).encode())
    heard = read(s, lambda h: b"SIP/2.0 200" in h and b"m=audio" in h)
    contact = re.search(rb"Contact: <(.*?)>", heard).group(1).decode()
    to = re.findall(rb"To: (.*?)\r\n", heard)[-1].decode()
    s.send(tcp(raw.compose("ACK", contact, "<sip:1001@%s>;tag=raw" % raw.ip, to, "raw", 1)).encode())
    t.until(lambda: ca.received("ACK"), 2)
    s.close()
    door.settimeout(5)
    back, _ = door.accept()
    back.settimeout(5)
    request = read(back, lambda h: b"\r\n\r\n" in h).decode()
    assert request.startswith("BYE sip:raw@%s" % raw.ip), request
    keep = "".join(line + "\r\n" for line in request.split("\r\n") if line.split(":")[0] in ("Via", "v", "From", "f", "To", "t", "Call-ID", "i", "CSeq"))
    back.send(("SIP/2.0 200 OK\r\n%sContent-Length: 0\r\n\r\n" % keep).encode())
    t.until(lambda: ca.received("200 BYE") == 1, 3)
    t.cdrs = 1
    t.audio_strict = False
    t.sockets = (back, door)


def read(s, enough):
    heard = b""
    while not enough(heard):
        more = s.recv(65536)
        assert more, heard
        heard += more
    return heard
