# SPDX-License-Identifier: MIT
"""picture: one end of a video line: RTP and RTCP in two sockets. It sends 2 Mbit/s, 30 frames a second of seven packets with 1,200 bytes each, the last with the marker,
and keeps every packet it hears. Each carries who sent it, its number and a pattern of both, so that nothing lost, doubled, changed or crossed goes unseen."""
import select
import socket
import struct
import threading
import time

FRAME, SIZE, RATE, PERIOD = 7, 1200, 90000, 1 / 30


def pattern(ident, n):
    return struct.pack(">II", ident, n) + bytes((ident * 7 + n * 13 + i) & 255 for i in range(SIZE - 8))


class Picture:
    def __init__(self, ip, ident, pt=97):
        self.ip, self.ident, self.pt, self.ssrc = ip, ident, pt, 0x10000 * ident + 7
        self.rtp, self.rtcp = self.pair(ip)
        self.port = self.rtp.getsockname()[1]
        self.to, self.ended, self.sent, self.reports = None, False, 0, []
        self.heard = []                 # (sequence, timestamp, ssrc, marker, type, sender, number, whole)
        self.sequence, self.clock = 65000 + ident, 4294900000 + ident  # both roll over soon
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.listen, self.speak)]
        for t in self.threads:
            t.start()

    def pair(self, ip):
        for port in range(26000 + 64 * self.ident, 27900, 2):
            two = [socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
            try:
                for i, s in enumerate(two):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
                    s.bind((ip, port + i))
                return two
            except OSError:
                for s in two:
                    s.close()
        raise AssertionError("no two ports")

    def line(self, more="", direction="sendrecv", profile="RTP/AVP"):
        """Its m-line; lines behind it: more."""
        return "m=video %d %s %d\na=rtpmap:%d H264/90000\na=fmtp:%d profile-level-id=42e01f;packetization-mode=1\n%sa=%s\n" % (
            self.port, profile, self.pt, self.pt, self.pt, more, direction)

    def listen(self):
        while not self.ended:
            for s in select.select([self.rtp, self.rtcp], [], [], 0.05)[0]:
                data = s.recv(4000)
                if s is self.rtcp:
                    self.reports.append(data)
                else:
                    head = struct.unpack(">BBHII", data[:12])
                    sender, n = struct.unpack(">II", data[12:20])
                    self.heard.append((head[2], head[3], head[4], head[1] >> 7, head[1] & 127, sender, n, data[12:] == pattern(sender, n)))

    def speak(self):
        due = time.monotonic()
        while not self.ended:
            due += PERIOD
            time.sleep(max(0, due - time.monotonic()))
            to = self.to
            for i in range(FRAME if to else 0):
                head = struct.pack(">BBHII", 0x80, (128 if i == FRAME - 1 else 0) | self.pt, self.sequence, self.clock, self.ssrc)
                self.rtp.sendto(head + pattern(self.ident, self.sent), to)
                self.sent += 1
                self.sequence = (self.sequence + 1) & 0xffff
            self.clock = (self.clock + 3000) & 0xffffffff

    def start(self, to):
        self.to = to

    def pause(self):
        """Stops sending, and waits for the frame that is under way."""
        self.to = None
        time.sleep(2 * PERIOD)

    def feedback(self, to, ssrc):
        """A picture loss indication about that SSRC, behind a sender report."""
        sr = struct.pack(">BBHIIIIII", 0x80, 200, 6, self.ssrc, 1, 1, self.clock, self.sent, self.sent * SIZE)
        self.rtcp.sendto(sr + struct.pack(">BBHII", 0x81, 206, 2, self.ssrc, ssrc), to)

    def of(self, sender, begin=0):
        return [h for h in self.heard[begin:] if h[5] == sender]

    def check(self, sender, at_least, last=None, pt=None):
        """What it heard of that sender: all of it from the first on, in order, bit for bit. last: the number it sent last."""
        mine = self.of(sender)
        assert len(mine) >= at_least, "%d packets of %d" % (len(mine), sender)
        numbers = [h[6] for h in mine]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "lost or doubled: %s" % [n for n in zip(numbers, numbers[1:]) if n[1] != n[0] + 1][:5]
        assert last is None or numbers[-1] == last - 1, (numbers[-1], last)
        assert all(h[7] for h in mine), "changed"
        assert all(h[3] == (h[6] % FRAME == FRAME - 1) for h in mine), "markers"
        assert {h[4] for h in mine} == {pt or self.pt}, {h[4] for h in mine}

    def one_line(self):
        """All it ever heard: one SSRC, one sequence without a gap, and a frame's packets have one timestamp, later than that of the last frame."""
        assert len({h[2] for h in self.heard}) == 1, {h[2] for h in self.heard}
        for a, b in zip(self.heard, self.heard[1:]):
            step = (b[1] - a[1]) & 0xffffffff
            assert b[0] == (a[0] + 1) & 0xffff, ("sequence", a, b)
            assert step == 0 if a[5] == b[5] and not a[3] else 0 < step < 1 << 31, ("timestamp", a, b)

    def close(self):
        self.ended = True
        for t in self.threads:
            t.join(2)
        self.rtp.close()
        self.rtcp.close()
