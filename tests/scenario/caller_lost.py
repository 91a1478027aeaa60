# SPDX-License-Identifier: MIT
"""caller_lost (A156): the caller's TCP connection breaks while the primary is abandoned and the second carrier has said 100. Both branches are CANCELled, nothing more
starts: the third carrier gets no INVITE, also not when the silent one's time is over."""
import re
import socket


def scenario(t):
    t.time_scale = 4
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": late, "CANCEL": undone})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": 100, "CANCEL": undone})
    cc = t.carrier("cc", answer())
    t.start()
    raw = t.tool()
    s = socket.socket()
    s.bind((raw.ip, 0))
    s.connect((t.ip(3), 5060))
    text = raw.begin("INVITE", "+442071838750", (t.ip(3), 5060), body=raw.sdp())
    s.send(re.sub(r"SIP/2.0/UDP \S+;branch", "SIP/2.0/TCP %s:%d;branch" % s.getsockname(), text).encode())
    assert t.until(lambda: cb.got("INVITE"), 3)
    t.until(lambda: False, 0.1)
    s.close()
    assert t.until(lambda: cb.got("CANCEL"), 0.5), "no CANCEL to cb"
    assert t.until(lambda: ca.got("CANCEL"), 3), "no CANCEL to ca at its first 1xx"
    assert t.gap(ca.sent(180)[0], ca.first("CANCEL")) < 0.2
    t.until(lambda: cc.received("INVITE"), 10)
    assert cc.received("INVITE") == 0 and cb.received("INVITE") == 1 and len({m["Call-ID"] for m in ca.got("INVITE")}) == 1
    t.cdrs = 1


def late(raw, m):
    if len(raw.got("INVITE")) == 1:
        raw.later(1.5, lambda: raw.reply(m, 180))


def undone(raw, m):
    raw.reply(m, 200)
    raw.reply(m, 487, method="INVITE")


def after(t):
    assert t.cdr()[0]["hangup_cause"] == "transport_lost", t.cdr()[0]
