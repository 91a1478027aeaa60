# SPDX-License-Identifier: MIT
"""tcp_lost_ringing: the carrier's TCP connection breaks while the phone rings there. That is no outcome (RFC 3261 18.2.2): nobody else is called, and the answer that comes
over a new connection is taken."""
import re
import socket
import threading


def scenario(t):
    ip = t.ip(2, 1)
    t.trunk("ca", "carrier", 1, uri="sip:%s:5060;transport=tcp" % ip)
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((ip, 5060))
    door.listen(8)
    heard = []
    threading.Thread(target=carrier, args=(door, ip, heard), daemon=True).start()
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180), recv(200), ack(), pause(0.3), bye(), recv(200)])
    t.run()
    assert cb.received("INVITE") == 0 and pbx.received("200 INVITE") == 1
    assert t.until(lambda: any(h.startswith("ACK") for h in heard) and any(h.startswith("BYE") for h in heard), 3), heard
    t.audio_strict = False


def carrier(door, ip, heard):
    while True:
        s, _ = door.accept()
        threading.Thread(target=serve, args=(s, ip, heard), daemon=True).start()


def say(s, request, code, ip, body=""):
    keep = "".join(x + "\r\n" for x in request.split("\r\n") if x.split(":")[0] in ("Via", "From", "Call-ID", "CSeq"))
    to = re.search(r"\r\n(To:[^\r]*)", request).group(1)
    s.send(("SIP/2.0 %d Hm\r\n%s%s%s\r\nContact: <sip:x@%s:5060;transport=tcp>\r\n%sContent-Length: %d\r\n\r\n%s" % (
        code, keep, to, "" if ";tag=" in to else ";tag=ca", ip, "Content-Type: application/sdp\r\n" if body else "", len(body), body)).encode())


def serve(s, ip, heard):
    data = ""
    while True:
        more = s.recv(65536).decode()
        if not more:
            return
        data += more
        while "\r\n\r\n" in data:
            head, _, rest = data.partition("\r\n\r\n")
            size = int(re.search(r"Content-Length: *(\d+)", head).group(1))
            data = rest[size:]
            heard.append(head)
            if head.startswith("INVITE"):
                say(s, head, 180, ip)
                threading.Timer(0.2, lambda: (s.shutdown(2), s.close())).start()
                threading.Timer(1.0, again, (head, ip)).start()
            elif not head.startswith(("ACK", "SIP/2.0")):
                say(s, head, 200, ip)


def again(head, ip):
    s = socket.socket()
    s.bind((ip, 0))
    sent_by = re.search(r"Via: SIP/2.0/TCP ([\d.]+)(?::(\d+))?", head)
    s.connect((sent_by.group(1), int(sent_by.group(2) or 5060)))
    say(s, head, 200, ip, "v=0\r\no=x 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 21000 RTP/AVP 0\r\n" % (ip, ip))
    threading.Timer(8, s.close).start()
