# SPDX-License-Identifier: MIT
"""talker: one RTP end in Python, for what rtp_peer does not do: any packet size, loss, silence, odd payload types; it keeps every packet it hears, and the test looks at each sample."""
import random
import socket
import struct
import threading
import time

SOUND = bytes(random.Random(4733).randrange(256) for _ in range(8009))  # a prime: no two places of a few seconds look alike


def sound(ts, n):
    """n samples from a timestamp on."""
    ts %= len(SOUND)
    return (SOUND * 2)[ts:ts + n]


class Heard:
    def __init__(self, when, data):
        self.when, self.data = when, data
        first, second, self.seq, self.ts, self.ssrc = struct.unpack(">BBHII", data[:12])
        self.marker, self.pt, self.payload = second >> 7, second & 127, data[12:]
        self.plain = first == 0x80


class Talker:
    def __init__(self, ip):
        while True:
            self.rtp, self.rtcp = (socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            self.rtp.bind((ip, 0))
            self.port = self.rtp.getsockname()[1]
            try:
                self.rtcp.bind((ip, self.port + 1))
                if self.port % 2 == 0:
                    break
            except OSError:
                pass
            self.rtp.close()
            self.rtcp.close()
        self.heard, self.reports, self.sent, self.ended = [], [], [], False
        for s, where in ((self.rtp, self.heard), (self.rtcp, self.reports)):
            s.settimeout(0.1)
            threading.Thread(target=self.listen, args=(s, where), daemon=True).start()

    def listen(self, s, where):
        while not self.ended:
            try:
                data = s.recv(2048)
            except socket.timeout:
                continue
            except OSError:
                return
            where.append(Heard(time.monotonic(), data) if s is self.rtp else (time.monotonic(), data))

    def say(self, to, pt, seq, ts, payload, ssrc=0x5eed, marker=False):
        self.rtp.sendto(struct.pack(">BBHII", 0x80, marker << 7 | pt, seq & 0xffff, ts & 0xffffffff, ssrc) + payload, to)
        self.sent.append((time.monotonic(), seq & 0xffff, ts & 0xffffffff, payload))

    def talk(self, to, pt, ms, packets, seq=65500, ts=0xfffff000, ssrc=0x5eed, lose=(), silent=()):
        """Packets of ms each at their time, from the calling thread's moment on, in a thread of its own. lose: these never leave; silent: before these
        the sender says nothing for half a second."""
        def run():
            at, when, size = ts, time.monotonic(), 8 * ms
            for i in range(packets):
                pause = i in silent
                if pause:
                    at, when = at + 4000, when + 0.5
                time.sleep(max(0, when - time.monotonic()))
                if i not in lose:
                    self.say(to, pt, seq + i, at, sound(at & 0xffffffff, size), ssrc, marker=pause or i == 0)
                at, when = at + size, when + ms / 1000
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def stop(self):
        self.ended = True
        self.rtp.close()
        self.rtcp.close()
