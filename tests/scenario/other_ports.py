# SPDX-License-Identifier: MIT
"""other_ports: peers whose messages come from other ports than their SIP port: the PBX's requests, answered where they came from (RFC 3581) also when it did not ask, the carrier's
responses and its BYE. And a stranger's answer that names the branch is not taken."""
import re


def scenario(t):
    ca = t.silent("ca", {"INVITE": invited, "OPTIONS": 200, "ACK": acked})
    ca.t, ca.kedge = t, t.kedge_at(2)
    t.start()
    other, thief = t.tool("other", net=2, host=1, port=5071), t.tool("thief", net=2, host=7)
    ca.other, ca.thief = other, thief
    other.seen = ca.seen  # one peer
    raw = t.tool("pbx_far", host=5, port=5072)
    one = raw.begin("INVITE", "+442071838750", t.kedge_at(), body=raw.sdp())
    raw.say(re.sub(r"(SIP/2.0/UDP [\d.]+):\d+", r"\1:5099", one), t.kedge_at())
    assert t.until(lambda: raw.received("200 INVITE"), 5), raw.messages()
    ok = raw.first("200 INVITE")
    assert raw.received("404 INVITE") == 0 and "rport=%s" % raw.here.split(":")[1] in ok["Via"]
    far = t.tool("pbx_farther", host=5, port=5073)
    far.seen = raw.seen  # one peer
    far.say(raw.follow(ok, "ACK", 1), t.kedge_at())
    assert t.until(lambda: other.received("ACK"), 3)
    other.say(ca.follow(ca.first("INVITE"), "BYE", 7), ca.kedge)
    assert t.until(lambda: other.received("200 BYE") == 1 and raw.got("BYE"), 5), other.messages()
    raw.reply(raw.got("BYE")[0], 200)
    assert not [m for m in thief.messages() if m.way == "in"]
    thief.seen.clear()  # what it said in the carrier's name is no secret of its own
    t.cdrs = 1


def invited(ca, m):
    """First a stranger refuses in its name, then it rings and answers from another port."""
    m.source = ca.kedge
    ca.thief.reply(m, 404, tag="thief")
    ca.other.reply(m, 180)
    ca.later(0.3, lambda: ca.other.reply(m, 200, sdp=True))


def acked(ca, m):
    pass


def after(t):
    assert t.cdr()[0]["code"] == 200, t.cdr()
