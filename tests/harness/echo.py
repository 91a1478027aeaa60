# SPDX-License-Identifier: MIT
"""echo: a carrier's echo number behind a Raw SIP end: it answers, and what comes as RTP goes back, by its own socket: all of it, or what `mode` leaves.

  echo      everything                       silent    nothing
  deaf      audio of its own, not ours       digitless audio alone
  wrong     each event as one more           slow      everything, and before it 1.5 s of its own audio
  milliwatt 1000 Hz, whatever it hears, and events
  tones     everything; no telephone-event in the answer"""
import socket
import struct
import threading
import time

MILLIWATT = bytes.fromhex("34212134b4a1a1b4") * 20  # G.711 table 5
OTHER = bytes(range(0x60, 0xa0)) * 3


class Echo:
    def __init__(self, raw, port, mode="echo"):
        self.raw, self.mode, self.ended, self.packets, self.events, self.sent = raw, mode, False, 0, [], 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((raw.ip, port))
        self.socket.settimeout(0.05)
        self.port, self.began = port, None
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()
        raw.answers = dict(raw.answers, INVITE=self.invited, BYE=200)

    def body(self):
        events = self.mode != "tones"
        return "v=0\r\no=e 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8%s\r\na=rtpmap:8 PCMA/8000\r\n%s" % (
            self.raw.ip, self.raw.ip, self.port, " 101" if events else "", "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n" if events else "")

    def invited(self, raw, m):
        keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id", "cseq"))
        body = self.body()
        self.began = None
        raw.say("SIP/2.0 200 OK\r\n%sTo: %s;tag=echo\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
            keep, m["To"], raw.here, len(body), body), m.source)

    def back(self, data):
        """What goes back for a packet, None: nothing."""
        event = data[1] & 0x7f == 101
        if self.mode == "silent" or (self.mode == "digitless" and event):
            return None
        if self.mode == "deaf" or (self.mode == "slow" and time.monotonic() - self.began < 1.5):
            return None if event else data[:12] + OTHER[:160]
        if self.mode == "milliwatt" and not event:
            return data[:12] + MILLIWATT
        if self.mode == "wrong" and event:
            return data[:12] + bytes([data[12] + 1]) + data[13:]
        return data

    def listen(self):
        while not self.ended:
            try:
                data, source = self.socket.recvfrom(2048)
            except socket.timeout:
                continue
            except OSError:
                return
            self.packets += 1
            self.began = self.began or time.monotonic()
            if data[1] & 0x7f == 101 and data[13] & 0x80:
                self.events.append(data[12])
            out = self.back(data)
            if out:
                self.sent += 1
                self.socket.sendto(out[:8] + struct.pack(">I", 0x77) + out[12:], source)

    def stop(self):
        self.ended = True
        self.thread.join(1)
        self.socket.close()
