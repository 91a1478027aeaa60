# SPDX-License-Identifier: MIT
"""digits: an RTP end that types digits, as RFC 4733 events or as tones in PCMU, and hears them either way. Bare: no jitter buffer, no echo, silence between the digits.

    end = Digits(ip, port)          binds; end.kind: "rfc4733" or "inband": how it types; "info": it says nothing but silence
    end.aim((ip, port), pt)         where to send, and the number of telephone-event there
    end.type("12#", on=100)         types, 20 ms after 20 ms, in its own thread; end.wait()
    Digits(..., rate=16000, events=8000, audio=96): another clock, another one for events, another payload type of what is between them
    end.stalled                     the machine stood still: what it typed may have been cut short
    end.heard()                     [(key, ms)] of events and of tones, in order; one per event, whatever came twice
"""
import math
import random
import socket
import struct
import threading
import time

KEYS = "0123456789*#ABCD"
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
GRID = ("123A", "456B", "789C", "*0#D")
FRAME = 160


def encode(x):
    """One sample of 16 bits as PCMU (G.711)."""
    sign, x = (0x80, -x) if x < 0 else (0, x)
    x = min(x, 32635) + 132
    exponent = max(x.bit_length() - 8, 0)
    return ~(sign | exponent << 4 | x >> exponent + 3 & 15) & 0xff


def decode(u):
    u = ~u & 0xff
    x = ((u & 15) * 8 + 132 << (u >> 4 & 7)) - 132
    return -x if u & 0x80 else x


LINEAR = [decode(u) for u in range(256)]
SILENCE = bytes([0xff] * FRAME)


def pair(key):
    row = next(i for i, r in enumerate(GRID) if key in r)
    return LOW[row], HIGH[GRID[row].index(key)]


def tones(key, ms):
    """A digit as PCMU, its last packet filled up with silence."""
    a, b = pair(key)
    n = 8 * ms
    samples = bytes(encode(int(6000 * (math.sin(2 * math.pi * a * i / 8000) + math.sin(2 * math.pi * b * i / 8000)))) for i in range(n))
    return samples + bytes([0xff] * (-n % FRAME))


def power(block, f):
    c = 2 * math.cos(2 * math.pi * f / 8000)
    a = b = 0.0
    for x in block:
        a, b = x + c * a - b, a
    return a * a + b * b - c * a * b


def key_of(payload):
    """The digit whose tones fill 10 ms, or None."""
    block = [LINEAR[u] for u in payload]
    whole = sum(x * x for x in block)
    if whole < 80 * 200 * 200:
        return None
    best = [max((power(block, f), f) for f in fs) for fs in (LOW, HIGH)]
    # a sine fills its own bin: power = whole * n / 2
    if (best[0][0] + best[1][0]) / (whole * len(block) / 2) < 0.7 or not 0.1 < best[0][0] / best[1][0] < 10:
        return None
    return GRID[LOW.index(best[0][1])][HIGH.index(best[1][1])]


class Digits:
    def __init__(self, ip, port, kind="rfc4733", lose=0.0, rate=8000, events=None, audio=0):
        self.kind, self.lose, self.rate, self.event_rate, self.audio = kind, lose, rate, events or rate, audio
        self.socket = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.socket.settimeout(0.02)
        self.got, self.ended, self.to, self.pt = [], False, None, 101
        self.queue, self.stalled = [], False
        self.ssrc, self.sequence, self.timestamp = random.getrandbits(32), random.getrandbits(15), random.getrandbits(31)
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.listen, self.speak)]
        for one in self.threads:
            one.start()

    def aim(self, to, pt=101):
        self.to, self.pt = to, pt

    def type(self, keys, on=100, off=80):
        """Puts the packets of these keys behind those that still wait."""
        for i, key in enumerate(keys):
            ms = on[i % len(on)] if isinstance(on, (list, tuple)) else on
            frames = ms // 20
            if self.kind == "rfc4733":
                self.queue += [("event", KEYS.index(key), min(k + 1, frames) * self.event_rate // 50, k + 1 >= frames, k == 0) for k in range(frames + 2)]
                self.queue += [("audio", SILENCE)] * max(1, off // 20 - 2)
            else:
                sound = tones(key, ms)
                self.queue += [("audio", sound[k:k + FRAME]) for k in range(0, len(sound), FRAME)] + [("audio", SILENCE)] * (off // 20)

    def wait(self, seconds=30):
        end = time.monotonic() + seconds
        while self.queue and time.monotonic() < end:
            time.sleep(0.02)
        assert not self.queue, "not typed in time"

    def listen(self):
        while not self.ended:
            try:
                data = self.socket.recv(2048)
            except socket.timeout:
                continue
            except OSError:
                return
            if len(data) >= 12 and data[0] >> 6 == 2:
                self.got.append((time.monotonic(), data))

    def speak(self):
        due, began = time.monotonic(), 0
        while not self.ended:
            time.sleep(max(0, due - time.monotonic()))
            self.stalled = self.stalled or time.monotonic() - due > 0.1
            due += 0.02
            if self.to is None:
                continue
            item = self.queue.pop(0) if self.queue else ("audio", SILENCE)
            if item[0] == "event":
                began = self.timestamp if item[4] else began
                self.send(self.pt, struct.pack(">BBH", item[1], 0x80 * item[3] | 10, item[2]), began, item[4])
            else:
                self.send(self.audio, item[1], self.timestamp, False)
            self.timestamp = (self.timestamp + self.rate // 50) & 0xffffffff

    def send(self, pt, payload, timestamp, marker):
        self.sequence = (self.sequence + 1) & 0xffff
        if pt != self.audio and random.random() < self.lose:
            return
        try:
            self.socket.sendto(struct.pack(">BBHII", 0x80, 0x80 * marker | pt, self.sequence, timestamp, self.ssrc) + payload, self.to)
        except OSError:
            pass

    def events(self):
        """[(key, ms)]: what the receiver of RFC 4733 takes from what came."""
        found = {}
        for _, d in self.got:
            if d[1] & 0x7f == self.pt and len(d) >= 16:
                stamp = d[4:12]
                found[stamp] = (KEYS[d[12]], max(found.get(stamp, ("", 0))[1], struct.unpack(">H", d[14:16])[0] * 1000 // self.event_rate))
        return list(found.values())

    def tones(self):
        """[(key, ms)]: runs of at least 30 ms of one digit's tones, in steps of 10 ms."""
        found, last = [], None
        for _, d in self.got:
            if d[1] & 0x7f != 0 or len(d) != 12 + FRAME:
                continue
            for half in (d[12:92], d[92:172]):
                key = key_of(half)
                if key and key == last:
                    found[-1][1] += 10
                elif key:
                    found.append([key, 10])
                last = key
        return [(key, ms) for key, ms in found if ms >= 30]

    def heard(self):
        return self.events() + self.tones()

    def stop(self):
        self.ended = True
        for one in self.threads:
            one.join(1)
        self.socket.close()
