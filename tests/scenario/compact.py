# SPDX-License-Identifier: MIT
"""compact: both peers write compact header names, fold lines, put spaces where RFC 3261 7.3 lets them, in any case, with quotes, commas and UTF-8 in display names: the call is one like
any other, and what crosses is written out whole on one line."""
import re
import time

from sipp import Message

SHORT = {"Via": "v", "From": "f", "To": "T", "Call-ID": "i", "Contact": "M", "Content-Length": "l", "Content-Type": "C", "Supported": "k", "Subject": "s"}


def shorten(text):
    """Compact names, a space before each colon, To and Contact folded."""
    head, _, body = text.partition("\r\n\r\n")
    lines = head.split("\r\n")
    for i, line in enumerate(lines[1:], 1):
        name, _, value = line.partition(":")
        lines[i] = "%s \t:%s" % (SHORT.get(name, name.upper()), ("\r\n \t " if name in ("To", "Contact", "Subject") else "   ") + value.strip().replace(";tag=", "\r\n ;  tag = ").replace("one two", "one\r\n  two"))
    return "\r\n".join(lines) + "\r\n\r\n" + body


def scenario(t):
    ca = t.silent("ca", {"INVITE": answers, "OPTIONS": 200, "BYE": 200})
    t.start()
    raw = t.tool()
    name = '"J\\"o, <Ünïcode> ☎;x=y" '
    one = raw.begin("INVITE", "+442071838750", t.kedge_at(), body=raw.sdp(), headers=["Subject: one two", "Supported: timer"])
    raw.say(shorten(re.sub("From: ", "From: " + name, one)), t.kedge_at())
    assert t.until(lambda: raw.received("200 INVITE"), 5), raw.messages()
    ok = raw.first("200 INVITE")
    for method, n in (("ACK", 1), ("BYE", 2)):
        raw.say(shorten(raw.follow(ok, method, n)), t.kedge_at())
    assert t.until(lambda: raw.received("200 BYE") and ca.received("BYE"), 5)
    got = ca.first("INVITE")
    assert name.strip() in got["From"] and got["Subject"].split() == ["one", "two"], got.text
    assert all(re.match(r"[A-Z][\w-]+: \S", line) for line in got.text.split("\r\n\r\n")[0].split("\r\n")[1:]), got.text
    t.cdrs = 1


def answers(ca, m):
    ca.say = lambda text, target: (ca.socket.sendto(shorten(text).encode(), target), ca.seen.append(Message(time.time(), "out", text)))
    ca.reply(m, 180)
    ca.reply(m, 200, sdp=True)
    del ca.say


def after(t):
    assert t.cdr()[0]["code"] == 200 and t.cdr()[0]["ended_by"] == "caller", t.cdr()
