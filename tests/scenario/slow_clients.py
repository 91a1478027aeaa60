# SPDX-License-Identifier: MIT
"""slow_clients: 300 connections of the PBX send an INVITE byte by byte, and never its end. Calls of others are set up as before; what waits of them is bounded, each is cut
64 T1 after its first byte (here 3.2 s), whatever it still sends, and then everything they cost is gone. One that sends endlessly without a line end is cut at max_message."""
import os
import socket
import threading
import time

CLIENTS = 300


def scenario(t):
    ca = t.carrier("ca", answer())
    t.top["sip"] = {"t1": "50ms"}
    t.top["limits"] = {"max_source_connections": 400, "max_message": 20000}
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.0/24" % t.slot])
    t.start()
    pid = t.pid("sig")
    fds = lambda: len(os.listdir("/proc/%d/fd" % pid))
    before = fds()
    alone = t.caller(call(talk=0.8), numbers=["+44207183%04d" % i for i in range(20)], rate=20, name="alone")
    t.run()
    raw = t.tool()
    text = raw.begin("INVITE", "+442071838750", (t.ip(3), 5060), body=raw.sdp(), headers=["X-%d: %s" % (i, "y" * 60) for i in range(100)]).encode()
    clients = [Slow(t, text) for _ in range(CLIENTS)]
    assert t.until(lambda: fds() >= before + CLIENTS - 10, 5), fds()
    ended = threading.Event()
    feeder = threading.Thread(target=feed, args=(clients, ended), daemon=True)
    feeder.start()
    beside = t.caller(call(talk=0.8), numbers=["+44207184%04d" % i for i in range(20)], rate=20, name="beside")
    t.run()
    slow, quick = worst(beside), worst(alone)
    assert slow < quick + 1.0, "set-up took %.3f s beside slow clients, %.3f s without" % (slow, quick)
    assert t.until(lambda: fds() <= before + 4, 15), "%d descriptors, %d before" % (fds(), before)
    ended.set()
    feeder.join()
    assert t.figures()["counters"]["stream_cut"] == CLIENTS and sum(c.closed() for c in clients) == CLIENTS
    first = min(c.cut_after() for c in clients)
    assert first > 3.0, "cut after %.1f s" % first
    endless = Slow(t, b"INVITE " + b"x" * 30000, 2)
    endless.push(30000)
    assert t.until(endless.closed, 3)
    assert t.until(lambda: "too_long" in [e["why"] for e in t.events("sip.bad")], 3), t.events("sip.bad")
    assert t.until(lambda: "half" in [e["why"] for e in t.events("sip.bad")], 3)
    assert t.pid("sig") == pid and ca.received("BYE") == 40


class Slow:
    def __init__(self, t, text, host=1):
        self.text, self.at, self.began, self.over = text, 0, None, None
        self.socket = socket.socket()
        self.socket.bind((t.ip(1, host), 0))
        self.socket.connect((t.ip(3), 5060))
        self.socket.setblocking(False)

    def push(self, n):
        try:
            self.at += self.socket.send(self.text[self.at:self.at + n])
            self.began = self.began or time.monotonic()
        except OSError:
            self.closed()

    def closed(self):
        try:
            gone = self.over is not None or self.socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        self.over = self.over or (time.monotonic() if gone else None)
        return gone

    def cut_after(self):
        return self.over - self.began


def feed(clients, ended):
    """A byte each, ten times a second."""
    while not ended.is_set():
        for c in clients:
            if not c.closed():
                c.push(1)
        ended.wait(0.1)


def worst(caller):
    """Longest INVITE to 200 of a caller."""
    sent = {m["Call-ID"]: m.when for m in reversed(caller.sent("INVITE"))}
    return max(m.when - sent[m["Call-ID"]] for m in caller.got("200 INVITE"))
