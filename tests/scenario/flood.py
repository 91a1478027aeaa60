# SPDX-License-Identifier: MIT
"""flood: 5 s of 3,000 requests a second from 50 addresses of no trunk. The calls that are up hear every packet, new ones are set up as quickly as before within the tenfold, the
strangers get one 403 a second each, and nothing of it reaches a carrier. The figures at length: bench/flood."""
import socket
import threading
import time

SECONDS, RATE, STRANGERS = 5, 3000, 50


def scenario(t):
    ca = t.carrier("ca", answer(after=0))
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.0/24" % t.slot])
    held = t.caller(call(talk=SECONDS + 2), numbers=["+4930%07d" % i for i in range(10)], rate=50, name="held")
    before = t.caller(call(talk=0.5), numbers=["+4420%08d" % i for i in range(20)], rate=20, name="before", user="1002")
    assert before.wait(10) == 0, before.errors()
    crowd = Crowd(t)
    during = t.caller(call(talk=0.5), numbers=["+4421%08d" % i for i in range(20 * (SECONDS - 1))], rate=20, name="during", user="1003")
    assert during.wait(20) == 0, during.errors()
    asked, answered = crowd.stop()
    t.run()
    slow, quick = middle(during), middle(before)
    print("asked %d, answered %d; set-up %.1f ms, %.1f ms before" % (asked, answered, slow * 1000, quick * 1000))
    assert asked > SECONDS * RATE / 2, "only %d requests sent" % asked
    assert STRANGERS <= answered <= STRANGERS * (crowd.lasted + 1), (asked, answered)
    assert slow < 10 * quick, "set-up %.3f s in the flood, %.3f s before" % (slow, quick)
    assert ca.received("INVITE") == 10 + 20 + 20 * (SECONDS - 1)
    f = t.figures()["counters"]
    assert f["refused_unknown_source"] > asked * 0.5 and f["events_dropped"] == 0, f
    assert len(t.events("sip.stranger")) <= STRANGERS * 6


class Crowd:
    """Strangers who ask RATE times a second together."""

    def __init__(self, t):
        self.sockets, self.asked, self.answered, self.ended = [], 0, 0, False
        self.to, self.began = (t.ip(4), 5060), time.monotonic()
        for i in range(STRANGERS):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((t.ip(8, 1 + i), 5060))
            s.setblocking(False)
            self.sockets.append(s)
        self.text = [("%s sip:100@kedge SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK%%d\r\nFrom: <sip:1@x>;tag=%%d\r\nTo: <sip:100@kedge>\r\nCall-ID: %%d\r\n"
                      "CSeq: 1 %s\r\nContact: <sip:1@10.0.0.1>\r\nMax-Forwards: 70\r\nUser-Agent: crowd\r\nContent-Length: 0\r\n\r\n") % (m, m)
                     for m in ("INVITE", "OPTIONS", "REGISTER")]
        self.thread = threading.Thread(target=self.shout)
        self.thread.start()

    def shout(self):
        while not self.ended:
            due = int((time.monotonic() - self.began) * RATE)
            while self.asked < due:
                n = self.asked
                try:
                    self.sockets[n % STRANGERS].sendto((self.text[n % 3] % (n, n, n)).encode(), self.to)
                except OSError:
                    pass
                self.asked += 1
            for s in self.sockets:
                try:
                    while s.recv(4096):
                        self.answered += 1
                except OSError:
                    pass
            time.sleep(0.002)

    def stop(self):
        self.ended, self.lasted = True, time.monotonic() - self.began
        self.thread.join()
        for s in self.sockets:
            s.close()
        return self.asked, self.answered


def middle(caller):
    """Median of INVITE to 200."""
    sent = {m["Call-ID"]: m.when for m in reversed(caller.sent("INVITE"))}
    times = sorted(m.when - sent[m["Call-ID"]] for m in caller.got("200 INVITE"))
    return times[len(times) // 2]


def after(t):
    for end in t.heard("held", 40 * SECONDS, calls=10):
        assert end["lost"] == 0, end
