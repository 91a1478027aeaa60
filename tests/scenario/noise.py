# SPDX-License-Identifier: MIT
"""noise: bytes that are no SIP and no RTP, and SIP that is almost SIP, on every port of kedge, from a trunk's own address and from a
stranger's: nothing dies, nothing stays, calls that are up meanwhile lose nothing, and a good call passes after. KEDGE_NOISE_SECONDS, 10."""
import os
import random
import re
import socket
import struct
import time

SECONDS = float(os.environ.get("KEDGE_NOISE_SECONDS", "10"))
INVITE = ("INVITE sip:+442071838750@{to}:5060 SIP/2.0\r\nVia: SIP/2.0/{how} {ip}:{port};branch=z9hG4bK-n{n}\r\nFrom: \"N\" <sip:n@{ip}>;tag=n{n}\r\n"
          "To: <sip:+442071838750@{to}>\r\nCall-ID: noise-{n}@{ip}\r\nCSeq: 1 INVITE\r\nContact: <sip:n@{ip}:{port}>\r\nMax-Forwards: 70\r\n"
          "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}")
BODY = "v=0\r\no=n 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 21000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
WORDS = [b"\x00", b"\xff\xfe", b"\r\n", b"\r\n\r\n", b" ", b"%n%s", b"99999999999999999999", b"-1", b";tag=", b"<", b">", b"\"", b"SIP/2.0", b"Via: ",
         b"Content-Length: 4294967297\r\n", b"m=audio 0 RTP/AVP\r\n", b"c=IN IP6 ::\r\n", b"a=" + b"x" * 3000, b"Route: <sip:;lr>\r\n" * 50]
TCP_CONNECTIONS = 24
AIMED = "+15550100"


class Noise:
    """One address that talks nonsense: UDP to SIP and RTP ports, and a few TCP connections that it treats badly."""

    def __init__(self, t, dice, source, target, low, pairs):
        self.t, self.dice, self.source, self.target, self.low, self.pairs, self.n = t, dice, source, target, low, pairs, 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((source, 0))
        self.udp.setblocking(False)
        self.tcp = []

    def sip(self, how):
        self.n += 1
        body = BODY.format(ip=self.source)
        text = INVITE.format(to=self.target, how=how, ip=self.source, port=self.udp.getsockname()[1], n="%d-%d" % (id(self), self.n),
                             length=len(body), body=body)
        method = self.dice.choice(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "\x01"])
        return text.replace("INVITE", method).encode("latin1")

    def harm(self, data):
        """Almost a message: cut, changed, with a word too much, too long, or with a length that is not true."""
        way, at = self.dice.randrange(7), self.dice.randrange(len(data))
        if way == 0:
            return data[:at]
        if way == 1:
            return data[:at] + self.dice.choice(WORDS) + data[at:]
        if way == 2:
            return data[:at] + bytes([self.dice.randrange(256)]) + data[at + 1:]
        if way == 3:
            return data.replace(b"Content-Length: ", self.dice.choice([b"Content-Length: -", b"Content-Length: 9", b"l: x", b"Content-Length: 0\r\nl: "]))
        if way == 4:
            return data.replace(b"CSeq: 1", b"CSeq: " + self.dice.choice([b"4294967296", b"-1", b"", b"1 1", b"0x1"]))
        if way == 5:
            return data[:at] + data[self.dice.randrange(len(data)):]
        return data.replace(b"Max-Forwards", b"X-Long: " + b"y" * self.dice.choice([1000, 8000, 40000]) + b"\r\nMax-Forwards")

    def packet(self):
        """RTP or RTCP, nearly."""
        size = self.dice.choice([0, 1, 4, 11, 12, 13, 20, 172, 1500])
        head = bytes([self.dice.choice([0x80, 0x90, 0xbf, 0x00, 0xff]), self.dice.choice([0, 8, 101, 200, 201, 203, 255])])
        return (head + self.dice.randbytes(size))[:size]

    def shout(self):
        for _ in range(8):
            data = self.dice.randbytes(self.dice.choice([0, 1, 8, 300, 1400])) if self.dice.random() < 0.2 else self.harm(self.sip("UDP"))
            self.say(data[:60000], 5060)
            self.say(self.packet(), self.low + self.dice.randrange(2 * self.pairs))
        self.abuse()
        try:
            while True:
                self.udp.recv(65536)
        except OSError:
            pass

    def say(self, data, port):
        try:
            self.udp.sendto(data, (self.target, port))
        except OSError:
            pass  # a port nobody has: ICMP

    def abuse(self):
        """One more connection, half a message on another, the end of a third."""
        try:
            if len(self.tcp) < TCP_CONNECTIONS:
                s = socket.create_connection((self.target, 5060), 1, (self.source, 0))
                s.setblocking(False)
                self.tcp.append(s)
            s = self.dice.choice(self.tcp)
            data = self.harm(self.sip("TCP")) if self.dice.random() < 0.8 else self.dice.randbytes(2000)
            s.send(data[:self.dice.choice([1, 40, 100000])])
            if self.dice.random() < 0.1:
                self.tcp.remove(s)
                s.close()
        except OSError:
            self.tcp = [x for x in self.tcp if x is not s] if self.tcp else []

    def stop(self):
        for s in self.tcp + [self.udp]:
            s.close()


def refuse_under_fire(t, raw, m):
    """404, after a stranger has spoken RTP to the very port that the offer named; to the aimed call he speaks until media has counted him: the
    port may not hear yet when the INVITE arrives, and the order that ends an anchor may overtake packets that wait at it."""
    # A line with port 0 is refused: nobody listens there.
    port, before = re.search(r"m=audio ([1-9]\d{0,4}) ", m.body), t.media("drop_stranger") if AIMED in m.text else None
    if port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((t.ip(7), 0))

            def speaks():
                for n in range(5):
                    stranger.sendto(struct.pack(">BBHII", 0x80, 0, n, 160 * n, 99) + bytes(160), (t.ip(4), int(port.group(1))))
                return before is None or t.media("drop_stranger") > before
            t.until(speaks, 3)
    raw.reply(m, 404)


def scenario(t):
    seed = int(os.environ.get("KEDGE_SEED", "0")) or random.randrange(1 << 30)
    print("seed %d, %g s" % (seed, SECONDS))
    dice = random.Random(seed)
    t.top["log"] = {"level": "info"}
    # What is kept of calls that failed would fill their room meanwhile, 64 MB: memory is to stand still.
    t.top["admin"] = {"flight_mb": 2, "why_records": 100}
    # What of the noise is good enough for a call is told 404; the good calls go, by prefix, to ca.
    mute = t.silent("mute", {"OPTIONS": 200, "INVITE": lambda raw, m: refuse_under_fire(t, raw, m)})
    ca = t.carrier("ca", answer())
    t.profiles = {"bad": {"targets": [{"trunk": "mute"}]}, "good": {"targets": [{"trunk": "ca"}]}}
    t.routes = [{"name": "bad", "profile": "bad"}, {"name": "good", "from": "pbx1", "prefix": "+4930", "profile": "good"}]
    held = t.caller(call(talk=SECONDS + 1), numbers=["+4930%07d" % i for i in range(5)], rate=20)
    assert t.until(lambda: len(held.sent("ACK")) == 5, 5), held.errors()
    before = t.resident()
    mouths = [Noise(t, dice, source, target, low, 120) for source, target, low in (
        (t.ip(1, 77), t.ip(3), 22000), (t.ip(2, 1), t.ip(4), 22400), (t.ip(7), t.ip(4), 22400), (t.ip(7), t.ip(3), 22000))]
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for m in mouths:
            m.shout()
        time.sleep(0.01)
    for m in mouths:
        m.stop()
    assert t.kedge.poll() is None and not t.events("plane.exit"), t.events("plane.exit")
    assert held.wait(10) == 0, held.errors()
    new = t.caller(call(talk=0.5), numbers=["+49307654321"], name="new", user="1002")
    assert new.wait(5) == 0, new.errors()
    assert t.until(lambda: t.figures()["calls"] == 0 and t.media("sessions") == 0, 40), t.figures()
    counted = t.figures()["counters"]
    print("memory %d -> %d bytes; %s" % (before, t.resident(), {k: v for k, v in counted.items() if v}))
    assert t.sanitized() or t.resident() < before + (48 << 20)
    assert counted["bad_message"] > 0 and counted["refused_unknown_source"] > 0
    # Strangers at a connected socket are dropped by the kernel, unseen; at a port whose far end is not known yet media sees and counts them.
    dropped = t.media("drop_stranger")
    aimed = t.caller(fails(404), numbers=[AIMED], name="aimed", user="1003")
    assert aimed.wait(5) == 0 and t.until(lambda: t.media("drop_stranger") > dropped, 2), t.figures()
    # Records are written a moment after their calls, several at once.
    assert t.until(lambda: len(t.cdr()) == t.figures()["counters"]["calls_in"], 5), t.figures()
    t.cdrs = len(t.cdr())
    assert sum(r["dst"].startswith("+4930") for r in t.cdr()) == 6
    assert ca.received("INVITE") == 6
    mute.seen.clear()  # a user part that holds an address, as some of the noise does, is passed on


def after(t):
    assert sum(e["heard"] > 40 * SECONDS for e in t.heard("caller1", 20)) == 5
