# SPDX-License-Identifier: MIT
"""ear: an RTP end that keeps what it hears, to be measured: when, which line, what sound. For audio that kedge makes itself, which no other end sent."""
import math
import re
import socket
import struct
import threading
import time

FULL = 32767.0


def ulaw(byte):
    u = ~byte & 0xff
    v = (((u & 15) << 3) + 0x84) << ((u >> 4) & 7)
    return 0x84 - v if u & 0x80 else v - 0x84


def alaw(byte):
    a = byte ^ 0x55
    e, m = (a >> 4) & 7, a & 15
    v = (m * 16 + 0x108) << (e - 1) if e else m * 16 + 8
    return v if a & 0x80 else -v


LAWS = {0: [ulaw(b) for b in range(256)], 8: [alaw(b) for b in range(256)]}


class Packet:
    def __init__(self, data, source):
        self.at, self.source, self.data = time.monotonic(), source, data
        self.marker, self.pt = bool(data[1] & 0x80), data[1] & 0x7f
        self.seq, self.ts, self.ssrc = struct.unpack(">HII", data[2:12])
        self.payload = data[12:]

    def __repr__(self):
        return "%.3f pt %d seq %d ts %d ssrc %x%s %d bytes" % (self.at, self.pt, self.seq, self.ts, self.ssrc, " M" if self.marker else "", len(self.payload))


class Ear:
    """One RTP socket. to: where it speaks, set by aim(); what it says is `word` over and over, so that it is known again."""

    def __init__(self, ip, port, word=b"kedge", pt=0, ssrc=0x1234):
        self.socket = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.socket.settimeout(0.05)
        self.packets, self.ended, self.to, self.pt, self.ssrc = [], False, None, pt, ssrc
        self.word = (word * 160)[:160]
        self.seq, self.ts, self.talking, self.sent = 65530, 1000, False, 0
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.listen, self.talk)]
        for one in self.threads:
            one.start()

    def listen(self):
        while not self.ended:
            try:
                self.packets.append(Packet(*self.socket.recvfrom(2048)))
            except socket.timeout:
                continue
            except OSError:
                return

    def aim(self, body):
        """Speaks to the audio line of that SDP."""
        self.to = (re.search(r"c=IN IP[46] (\S+)", body).group(1), int(re.search(r"m=audio (\d+)", body).group(1)))
        return self

    def talk(self):
        due = time.monotonic()
        while not self.ended:
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))
            if self.talking and self.to and not self.ended:
                self.say(self.word)
            else:
                due = time.monotonic()

    def say(self, payload, pt=None, marker=False):
        self.socket.sendto(struct.pack(">BBHII", 0x80, (0x80 if marker else 0) | (self.pt if pt is None else pt), self.seq & 0xffff, self.ts, self.ssrc) + payload, self.to)
        self.seq, self.ts, self.sent = self.seq + 1, self.ts + len(payload), self.sent + 1

    def stop(self):
        self.ended = True
        self.threads[1].join(1)
        self.socket.close()

    def heard(self, ear):
        """Packets with that ear's word."""
        return [p for p in self.packets if p.payload == ear.word]

    def foreign(self, *ears):
        """Packets with nobody's word: kedge's own."""
        return [p for p in self.packets if all(p.payload != e.word for e in ears)]


def samples(packets):
    """16-bit samples of G.711 packets, each where its timestamp says."""
    out = []
    for p in packets:
        at = (p.ts - packets[0].ts) & 0xffffffff
        out.extend([0] * (at - len(out)))
        out.extend(LAWS[p.pt][b] for b in p.payload)
    return out


def level(pcm, f, rate=8000):
    """dBm0 of one frequency (Goertzel): a sine that just fills 16 bits is 3.14."""
    c, s1, s2 = 2 * math.cos(2 * math.pi * f / rate), 0.0, 0.0
    for x in pcm:
        s1, s2 = x + c * s1 - s2, s1
    power = (s1 * s1 + s2 * s2 - c * s1 * s2) * 2 / len(pcm) ** 2
    return 10 * math.log10(power / (FULL * FULL / 2) + 1e-12) + 3.14


def loudness(pcm):
    """dBm0 of everything."""
    return 10 * math.log10(sum(x * x for x in pcm) / len(pcm) / (FULL * FULL / 2) + 1e-12) + 3.14


def one_line(packets):
    """One SSRC, no sequence number missing or doubled."""
    assert len({p.ssrc for p in packets}) == 1, {p.ssrc for p in packets}
    for a, b in zip(packets, packets[1:]):
        assert b.seq == (a.seq + 1) & 0xffff, "hole: %r, then %r" % (a, b)
        assert 0 < (b.ts - a.ts) & 0xffffffff < 8 * 5000, "time: %r, then %r" % (a, b)


def table(packets):
    """For the message of an assertion."""
    return "\n" + "\n".join(map(repr, packets))
