# SPDX-License-Identifier: MIT
"""mutated: requests and responses of real dialogs, each changed a little, to the running planes: by UDP and TCP, from a PBX, as a carrier's answers, and in dialogs that are up.
Every so many an OPTIONS must be answered, so all of them were read. Nothing dies, good calls beside them lose nothing, and all is gone in the end. KEDGE_MUTATED_SECONDS, 30, or
KEDGE_MUTATED messages; KEDGE_SEED repeats a run."""
import json
import os
import random
import re
import socket
import threading
import time

SECONDS, COUNT = float(os.environ.get("KEDGE_MUTATED_SECONDS", "30")), int(os.environ.get("KEDGE_MUTATED", "0"))
BATCH, DIALOGS = 40, 30
WORDS = [b"\x00", b"\xff\xfe", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\t", b"%n%s", b"%00", b"99999999999999999999", b"-1", b"4294967296", b";tag=", b";tag", b"<", b">", b"\"",
         b"\\", b"SIP/2.0", b"sip:", b"sips:", b"tel:", b"Via: ", b";maddr=1", b";rport=", b";received=", b",", b";", b"=", b"@", b":", b"[::1]", b"1.2.3.4", b"m=audio 0 RTP/AVP\r\n",
         b"m=audio 1 RTP/AVP 0 0 0\r\n", b"m=image 9 udptl t38\r\n", b"c=IN IP6 ::\r\n", b"a=rtpmap:0 \r\n", b"a=rtcp:0\r\n", b"a=ptime:0\r\n", b"a=sendonly\r\n", b"x" * 300,
         b"Require: 100rel\r\n", b"Supported: timer,100rel\r\n", b"Session-Expires: 1\r\n", b"Min-SE: 0\r\n", b"RSeq: 0\r\n", b"RAck: 1 1 INVITE\r\n", b"Retry-After: 99999999999\r\n",
         b"Reason: Q.850;cause=999;text=\"\r\n", b"Content-Type: multipart/mixed;boundary=\"\r\n", b"Route: <sip:;lr>\r\n", b"Record-Route: <sip:a;lr>,<sip:b\r\n", b"Contact: *\r\n",
         b"Max-Forwards: 256\r\n", b"Content-Length: 5\r\n", b"Expires: -1\r\n", b"Privacy: id;user\r\n", b"P-Asserted-Identity: <>\r\n", b"Diversion: ;;\r\n"]
SDP = ("v=0\r\no=n 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
       "a=ptime:20\r\na=sendrecv\r\n")


class Mutator:
    def __init__(self, seed):
        self.dice, self.before = random.Random(seed), b"OPTIONS sip:a SIP/2.0\r\n\r\n"

    def harm(self, data):
        for _ in range(self.dice.choice((1, 1, 1, 2, 3, 8))):
            data = self.once(data)
        self.before = data
        return data

    def once(self, data):
        d = self.dice
        if not data:
            return b"x"
        at, end, way = d.randrange(len(data)), d.randrange(len(data)), d.randrange(10)
        at, end = min(at, end), max(at, end)
        if way == 0:
            return data[:at] + bytes([data[at] ^ (1 << d.randrange(8))]) + data[at + 1:]
        if way == 1:
            return data[:at] + d.choice(WORDS) + data[at:]
        if way == 2:
            return data[:at] + data[min(end, at + d.choice((1, 2, 10, 1000))):]
        if way == 3:
            return data[:end] + data[at:end] + data[end:]
        if way == 4:
            return data[:at] + self.before[d.randrange(len(self.before) or 1):]
        lines = data.split(b"\r\n")
        k = d.randrange(len(lines))
        if way == 5:
            lines.insert(d.randrange(len(lines)), lines[k])
        elif way == 6:
            del lines[k]
        elif way == 7:
            j = d.randrange(len(lines))
            lines[k], lines[j] = lines[j], lines[k]
        elif way == 8 and not lines[k].startswith(b"CSeq"):
            lines[k] = re.sub(rb"[0-9]+", lambda m: d.choice((b"0", b"-1", b"65536", b"4294967295", b"18446744073709551616", m.group())), lines[k], count=1)
        else:
            lines[k] = lines[k].replace(d.choice((b":", b";", b" ", b"=", b"<")), d.choice((b"", b"  ", b"\r\n ", b";;", b"\"")), 1)
        return b"\r\n".join(lines)


class Carrier(threading.Thread):
    """Answers what comes, now well and now not, and remembers nothing."""

    def __init__(self, ip, seed):
        super().__init__(daemon=True)
        self.ip, self.mutator, self.ended, self.sent = ip, Mutator(seed), False, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, 5060))
        self.socket.settimeout(0.1)
        self.start()

    def run(self):
        while not self.ended:
            try:
                data, source = self.socket.recvfrom(65536)
                for answer in self.answers(data):
                    self.socket.sendto(answer[:60000], source)
                    self.sent += 1
            except OSError:
                continue

    def answers(self, data):
        dice, text = self.mutator.dice, data.decode("latin1")
        method = text.split(" ", 1)[0]
        if method in ("ACK", "SIP/2.0"):
            return []
        codes = [200] if method != "INVITE" else dice.choice(([404], [486], [503], [100, 180, 200], [183, 200], [100, 183, 480], [200], [302], [180, 180]))
        whole = [self.answer(text, code, method) for code in codes]
        return whole if method == "OPTIONS" else [self.mutator.harm(a) if dice.random() < 0.5 else a for a in whole]

    def answer(self, text, code, method):
        keep = "".join(m.group() for m in re.finditer(r"(?m)^(Via|From|Call-ID|CSeq):.*\r\n", text))
        to = re.search(r"(?m)^To: ?(.*)\r\n", text)
        to = to.group(1) if to else "<sip:x>"
        body = SDP.format(ip=self.ip, port=21000) if method == "INVITE" and code in (183, 200) else ""
        return ("SIP/2.0 %d X\r\n%sTo: %s%s\r\nContact: <sip:c@%s>\r\nRetry-After: 1\r\nReason: Q.850;cause=34;text=\"a, b\"\r\n%sContent-Length: %d\r\n\r\n%s" % (
            code, keep, to, "" if "tag=" in to else ";tag=c%d" % self.sent, self.ip, "Content-Type: application/sdp\r\n" if body else "", len(body), body)).encode("latin1")


class Mouth:
    """A PBX that says almost the right thing. Answers tell it of dialogs to go on with."""

    def __init__(self, t, seed):
        self.ip, self.kedge, self.mutator, self.n, self.dialogs = t.ip(1, 77), (t.ip(3), 5060), Mutator(seed), 0, []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((self.ip, 5060))
        self.udp.settimeout(0.5)
        self.tcp = None

    def request(self, how="UDP"):
        d, self.n = self.mutator.dice, self.n + 1
        dialog = d.choice(self.dialogs) if self.dialogs and d.random() < 0.5 else None
        method = d.choice(("ACK", "BYE", "INVITE", "UPDATE", "INFO", "PRACK", "OPTIONS", "CANCEL", "MESSAGE", "REFER") if dialog else
                          ("INVITE", "INVITE", "INVITE", "INVITE", "OPTIONS", "REGISTER", "CANCEL", "BYE", "SUBSCRIBE", "PRACK"))
        call_id, to, uri, frm = dialog or ("m%d@%s" % (self.n, self.ip), "<sip:+15550%06d@kedge>" % (self.n % 1000000), "sip:+15550%06d@%s" % (self.n % 1000000, self.kedge[0]),
                                           "\"M\" <sip:m@%s>;tag=m" % self.ip)
        body = SDP.format(ip=self.ip, port=21000) if method in ("INVITE", "UPDATE", "PRACK") and d.random() < 0.9 else ""
        cseq = 1 if not dialog or method in ("ACK", "CANCEL") else 1 + d.randrange(9)
        return ("%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s:5060;branch=z9hG4bKm%d;rport\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:m@%s:5060>\r\n"
                "Max-Forwards: 70\r\nSupported: 100rel\r\nSubject: s\r\nP-Asserted-Identity: \"a\" <sip:+4930@x>\r\n%s%sContent-Length: %d\r\n\r\n%s" % (
                    method, uri, how, self.ip, self.n, frm, to, call_id, cseq, method, self.ip, "RAck: 1 1 INVITE\r\n" if method == "PRACK" else "",
                    "Content-Type: application/sdp\r\n" if body else "", len(body), body)).encode("latin1")

    def batch(self):
        """So many harmed ones, then one that must be answered."""
        for _ in range(BATCH):
            self.udp.sendto(self.mutator.harm(self.request())[:60000], self.kedge)
        self.speak_tcp()
        self.n += 1
        name = b"Call-ID: mark%d\r" % self.n
        mark = ("OPTIONS sip:k@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKq%d;rport\r\nFrom: <sip:m@%s>;tag=q\r\nTo: <sip:k@%s>\r\nCall-ID: mark%d\r\nCSeq: 1 OPTIONS\r\n"
                "Contact: <sip:m@%s>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (self.kedge[0], self.ip, self.n, self.ip, self.kedge[0], self.n, self.ip)).encode()
        for _ in range(20):
            self.udp.sendto(mark, self.kedge)
            if self.hear(name):
                return
        raise AssertionError("OPTIONS is not answered any more")

    def hear(self, mark):
        try:
            while True:
                data = self.udp.recv(65536)
                if mark in data and data.startswith(b"SIP/2.0 200"):
                    return True
                self.learn(data)
        except socket.timeout:
            return False

    def learn(self, data):
        text = data.decode("latin1")
        found = [re.search(p, text) for p in (r"(?m)^Call-ID: (.*)\r", r"(?m)^To: (.*tag=.*)\r", r"(?m)^Contact: <(.*)>\r", r"(?m)^From: (.*)\r")]
        if text.startswith(("SIP/2.0 200", "SIP/2.0 18")) and "INVITE\r" in text and all(found):
            self.dialogs.append(tuple(m.group(1) for m in found))
            if len(self.dialogs) > DIALOGS:
                self.hang_up(self.dialogs.pop(0))

    def hang_up(self, dialog):
        """Without a fault: what of it was up is over."""
        call_id, to, uri, frm = dialog
        self.n += 1
        self.udp.sendto(("BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKb%d;rport\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 2000000 BYE\r\nMax-Forwards: 70\r\n"
                         "Content-Length: 0\r\n\r\n" % (uri, self.ip, self.n, frm, to, call_id)).encode("latin1"), self.kedge)

    def stop(self):
        """Hangs up for as long as anything answers."""
        for _ in range(20):
            self.hear(b"nothing")
            for dialog in self.dialogs:
                self.hang_up(dialog)
            self.dialogs = []

    def speak_tcp(self):
        try:
            if not self.tcp:
                self.tcp = socket.create_connection(self.kedge, 1, (self.ip, 0))
                self.tcp.setblocking(False)
            self.tcp.send(self.request("TCP") + self.mutator.harm(self.request("TCP")))
            self.tcp.recv(65536)
        except BlockingIOError:
            pass
        except OSError:
            self.tcp.close()
            self.tcp = None


def scenario(t):
    seed = int(os.environ.get("KEDGE_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d, %s" % (seed, "%d messages" % COUNT if COUNT else "%g s" % SECONDS))
    t.top.update({"log": {"level": "warn"}, "sip": {"t1": "50ms"}, "limits": {"max_calls": 60}})
    ca = t.carrier("ca", answer())
    t.trunk("odd", "carrier", 2, max_calls=40, timers={"first_response": "500ms", "progress": "1s", "progress_failover": "1s", "ring": "5s"})
    t.profiles = {"odd": {"targets": [{"trunk": "odd"}]}, "good": {"targets": [{"trunk": "ca"}]}}
    t.routes = [{"name": "odd", "profile": "odd"}, {"name": "good", "from": "pbx1", "prefix": "+4930", "profile": "good"}]
    t.start()
    carrier, mouth = Carrier(t.ip(2, 2), seed + 1), Mouth(t, seed)
    sent, begun, good = 0, time.monotonic(), 0
    while sent < COUNT if COUNT else time.monotonic() - begun < SECONDS:
        mouth.batch()
        sent += BATCH + 1
        assert t.kedge.poll() is None
        if sent // (BATCH + 1) % (200 if not COUNT else 5000) == 0:
            good += 1
            caller = t.caller(call(talk=0.5), numbers=["+4930%07d" % good], name="good%d" % good, user="2%03d" % good)
            assert caller.wait(20) == 0, caller.errors()
    print("%d messages, %d answers" % (sent, carrier.sent))
    mouth.stop()
    last = t.caller(call(talk=0.5), numbers=["+49309999999"], name="last", user="1002")
    assert last.wait(20) == 0, last.errors()
    mouth.stop()
    # A call whose CSeq was driven too high by one of ours is not to be hung up any more: RFC 3261 12.2.2. It is up, and ends with kedge.
    left = lambda: json.loads(t.verb("calls", "--json"))["calls"]
    few = 2 + t.figures()["counters"]["calls_in"] / 200
    assert t.until(lambda: len(left()) <= few and all(c["state"] == "UP" for c in left()), 60), left()
    assert t.until(lambda: t.media("sessions") == len(left()), 10), t.figures()
    t.idle = lambda: True
    carrier.ended = True
    with open(t.folder + "/kedge.out", errors="replace") as f:
        said = f.read()
    assert "Sanitizer" not in said and "runtime error" not in said, said[-4000:]
    assert ca.received("INVITE") == good + 1
    t.until(lambda: False, 1)
    t.cdrs = len(t.cdr())
