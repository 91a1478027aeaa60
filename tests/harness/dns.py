# SPDX-License-Identifier: MIT
"""dns: an authoritative DNS server of a page, over UDP, on an address and port of a rig's own. Its records may change at any time, and it can be every kind of ill.

    dns = Dns("127.9.5.1", 5353)
    dns.a("sip.ca.example", "127.9.2.1", ttl=5)
    dns.srv("_sip._udp.ca.example", (10, 70, 5060, "sip1.ca.example"))
    dns.mood = "silent"     # "", silent, servfail, refused, garbage (mixed), truncated (TC and no records), slow:0.3

asked: [(time, name, type)]. A name without records of any type is NXDOMAIN; mood_of[(name, type)] is of one question alone."""
import socket
import struct
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "AAAA": 28, "SRV": 33, "NAPTR": 35}
WORDS = {n: w for w, n in TYPES.items()}


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".") if label) + b"\0"


def text(s):
    return bytes([len(s)]) + s.encode()


def wire_data(kind, value):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "CNAME":
        return wire_name(value)
    if kind == "SRV":
        return struct.pack("!HHH", *value[:3]) + wire_name(value[3])
    order, preference, flags, service, pattern, replacement = value
    return struct.pack("!HH", order, preference) + text(flags) + text(service) + text(pattern) + wire_name(replacement)


class Dns:
    def __init__(self, ip, port=5353):
        self.ip, self.port, self.records, self.mood, self.mood_of = ip, port, {}, "", {}
        self.asked, self.ended = [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    # ---- what it knows ----

    def set(self, name, kind, values, ttl=60):
        """All records of that name and type; none: there are no more."""
        self.records[name.lower(), kind] = (list(values), ttl)

    def a(self, name, *ips, ttl=60):
        self.set(name, "A", ips, ttl)

    def aaaa(self, name, *ips, ttl=60):
        self.set(name, "AAAA", ips, ttl)

    def srv(self, name, *values, ttl=60):
        self.set(name, "SRV", values, ttl)

    def naptr(self, name, *values, ttl=60):
        self.set(name, "NAPTR", values, ttl)

    def cname(self, name, target, ttl=60):
        self.set(name, "CNAME", [target], ttl)

    def forget(self, name):
        for key in [k for k in self.records if k[0] == name.lower()]:
            del self.records[key]

    def times(self, name, kind=None):
        """When it was asked for that."""
        return [t for t, n, k in list(self.asked) if n == name and kind in (None, k)]

    # ---- what it says ----

    def listen(self):
        while not self.ended:
            try:
                data, source = self.socket.recvfrom(2048)
            except socket.timeout:
                continue
            except OSError:
                return
            try:
                self.answer(data, source)
            except (OSError, struct.error, IndexError):
                continue

    def answer(self, data, source):
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
            at += data[at] + 1
        kind = WORDS.get(struct.unpack("!H", data[at + 1:at + 3])[0], "?")
        name, question = ".".join(labels), data[12:at + 5]
        self.asked.append((time.monotonic(), name, kind))
        mood = self.mood_of.get((name, kind), self.mood)
        if mood == "silent":
            return
        if mood.startswith("slow:"):
            time.sleep(float(mood[5:]))
        if mood == "garbage":
            for reply in self.garbage(data[:2], question, name, kind):
                self.socket.sendto(reply, source)
            return
        self.socket.sendto(self.reply(data[:2], question, name, kind, mood), source)

    def found(self, name, kind):
        """The answer section: CNAMEs on the way, then what was asked for."""
        out, seen = [], set()
        while (name, "CNAME") in self.records and kind != "CNAME" and name not in seen:
            seen.add(name)
            values, ttl = self.records[name, "CNAME"]
            out.append((name, "CNAME", ttl, values[0]))
            name = values[0].lower()
        values, ttl = self.records.get((name, kind), ([], 0))
        return out + [(name, kind, ttl, v) for v in values], any(n == name for n, _ in self.records)

    def reply(self, ident, question, name, kind, mood):
        rcode = {"servfail": 2, "refused": 5}.get(mood, 0)
        answers, known = self.found(name, kind) if not rcode and mood != "truncated" else ([], True)
        flags = 0x8580 | rcode | (0 if known else 3) | (0x200 if mood == "truncated" else 0)
        body = b"".join(wire_name(n) + struct.pack("!HHIH", TYPES[k], 1, ttl, len(d)) + d for n, k, ttl, d in
                        ((n, k, ttl, wire_data(k, v)) for n, k, ttl, v in answers))
        return ident + struct.pack("!HHHHH", flags, 1, len(answers), 0, 0) + question + body

    def garbage(self, ident, question, name, kind):
        """What once hung, crashed or misled a parser: each with the right id, none an answer."""
        head = ident + struct.pack("!HHHHH", 0x8580, 1, 1, 0, 0) + question
        good = self.reply(ident, question, name, kind, "")
        yield head + b"\xc0" + bytes([len(head)]) + struct.pack("!HHIH", TYPES["A"], 1, 60, 4) + b"\x7f\0\2\1"  # a pointer at itself
        yield head + b"\xc0\x0c" + struct.pack("!HHIH", TYPES.get(kind, 1), 1, 60, 2000) + b"x"               # a record longer than the datagram
        yield head + b"\xc0\x0c" + struct.pack("!HHIH", TYPES["CNAME"], 1, 60, 2) + b"\xc0" + bytes([len(head) + 12])  # a CNAME that is its own end
        yield head + b"\x3f"
        yield ident + struct.pack("!HHHHH", 0x8580, 65535, 65535, 65535, 65535)
        yield ident
        yield b""
        yield good[:len(good) - 2]
        yield ident + good[2:4] + struct.pack("!HHHH", 1, 30000, 0, 0) + good[12:]
        yield head[:12] + wire_name("another.example") + question[-4:] + b"\xc0\x0c" + struct.pack("!HHIH", TYPES["A"], 1, 60, 4) + b"\x7f\0\x09\x09"  # of another question

    # ---- a peer of the rig ----

    def stop(self):
        self.ended = True
        self.socket.close()
        self.thread.join(1)

    def errors(self):
        return ""
