# SPDX-License-Identifier: MIT
"""dscp (A147): every packet that kedge sends, as it is seen on the wire: SIP by UDP and by TCP, a connection's first SYN among it, has 24, RTP and RTCP 46.
After a reload of other words the packets to the carrier have those, also on connections and in a call that were there before; those to the PBX have not. On
IPv4 and on IPv6."""
import collections
import ctypes
import os
import re
import socket
import struct
import threading

IPPROTO = {6: "tcp", 17: "udp"}


def from_only(net):
    """A filter: IPv4 from that /16 alone, and IPv6, as they go out. What others say on lo would push ours out of the socket."""
    octets = int.from_bytes(socket.inet_aton(net)[:2], "big")
    program = [(0x28, 0, 0, 0xfffff004), (0x15, 0, 6, 4),        # the packet's type: outgoing (lo shows each packet twice)
               (0x30, 0, 0, 0), (0x54, 0, 0, 0xf0), (0x15, 2, 0, 0x60),  # version 6: taken
               (0x28, 0, 0, 12), (0x15, 0, 1, octets),           # the first half of the source
               (0x06, 0, 0, 256), (0x06, 0, 0, 0)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    return code, struct.pack("HL", len(program), ctypes.addressof(code))


class Capture:
    """What goes over lo from net: (protocol, source, port, destination, port) and the DSCP of each."""

    def __init__(self, net):
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        except PermissionError:
            raise Skip("needs the right to capture packets")
        self.code, program = from_only(net)
        self.socket.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.socket.bind(("lo", 3))
        self.socket.settimeout(0.1)
        self.seen, self.ended = [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended:
            try:
                data = self.socket.recv(256)
            except socket.timeout:
                continue
            self.take(data)

    def take(self, p):
        if p[0] >> 4 == 4:
            head, kind, octet = 4 * (p[0] & 15), p[9], p[1]
            ends = socket.inet_ntop(socket.AF_INET, p[12:16]), socket.inet_ntop(socket.AF_INET, p[16:20])
        else:
            head, kind, octet = 40, p[6], struct.unpack(">H", p[:2])[0] >> 4 & 255
            ends = socket.inet_ntop(socket.AF_INET6, p[8:24]), socket.inet_ntop(socket.AF_INET6, p[24:40])
        if kind in IPPROTO and len(p) >= head + 4:
            ports = struct.unpack(">HH", p[head:head + 4])
            self.seen.append((IPPROTO[kind], ends[0], ports[0], ends[1], ports[1], octet >> 2, octet & 3))

    def stop(self):
        self.ended = True
        self.thread.join()
        self.socket.close()


def sorted_out(t, seen, side, peer, before=0):
    """DSCPs of what kedge sent on a side: by SIP, by RTP. peer: the SIP port of who is there, for connections that we made."""
    kedge, there = t.ip(side), t.ip(side - 2)
    low, high = map(int, re.findall(r"rtp_ports = \"(\d+)-(\d+)\"", open(t.config).read())[side - 3])
    found = {"sip": collections.Counter(), "rtp": collections.Counter()}
    for kind, source, port, target, target_port, dscp, ecn in seen[before:]:
        if source != kedge or not (target == there or not t.v6 and target.startswith(there.rpartition(".")[0] + ".")):
            continue
        if kind == "udp" and low <= port <= high:
            found["rtp"][dscp] += 1
            assert ecn == 0
        elif port == t.port("kedge%d" % side) or kind == "tcp" and target_port == peer:
            found["sip"][dscp] += 1
    return found


def scenario(t):
    t.capture = capture = Capture("127.%d.0.0" % t.slot)
    ca = t.carrier("ca", answer())
    t.start()
    old = t.caller(call(talk=4), numbers=["+442071830001"])
    assert t.until(lambda: old.sent("ACK"), 10)
    first = t.caller(call(talk=0.6), numbers=["+442071830002"], name="first", user="1002")
    assert first.wait(10) == 0, first.errors()
    ends = {3: t.port("caller1"), 4: t.port("ca")}
    for side in (3, 4):
        found = sorted_out(t, capture.seen, side, ends[side])
        print(side, {k: dict(v) for k, v in found.items()})
        assert set(found["sip"]) == {24} and found["sip"][24] >= 4, found
        assert set(found["rtp"]) == {46} and found["rtp"][46] >= 20, found
    text = open(t.config).read()
    sides = ("inside", "outside") if t.v6 else ("outside",)  # [::1] is the address of both: what connects from there is of either
    for side in sides:
        text = text.replace('name = "%s"' % side, 'name = "%s"; dscp_sip = "af31"; dscp_rtp = "cs5"' % side)
    with open(t.config, "w") as f:
        f.write(text)
    t.verb("reload")
    again = t.caller(call(talk=0.6), numbers=["+442071830003"], name="again", user="1003")
    assert again.wait(10) == 0

    def marked():
        n = len(capture.seen)
        now = lambda: sorted_out(t, capture.seen, 4, ends[4], n)["rtp"]
        return t.until(lambda: sum(now().values()) >= 5, 5) and now().keys() == {40}
    assert t.until(marked, 5), sorted_out(t, capture.seen, 4, ends[4])
    before = len(capture.seen)
    later = t.caller(call(talk=0.6), numbers=["+442071830004"], name="later", user="1004")
    assert later.wait(10) == 0 and not old.sent("BYE")
    t.run()
    for side, sip, rtp in ((3, 26, 40) if t.v6 else (3, 24, 46), (4, 26, 40)):
        found = sorted_out(t, capture.seen, side, ends[side], before)
        print(side, {k: dict(v) for k, v in found.items()})
        assert set(found["sip"]) == {sip} and set(found["rtp"]) == {rtp}, (side, found)
    capture.stop()
