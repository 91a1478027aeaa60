# SPDX-License-Identifier: MIT
"""torture: every message of RFC 4475 and RFC 5118, sent by the PBX over UDP and over TCP: each is answered as tests/data/torture/table says, or not at all.
The two planes live on, what reaches the carrier is well-formed and said by kedge, and a good call afterwards is as good as any."""
import os
import re

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "torture")
ONCE = ("from", "to", "call-id", "cseq", "contact", "max-forwards", "content-length", "content-type")


def table():
    """[(name, answer over UDP, answer over TCP)]"""
    with open(os.path.join(FOLDER, "table")) as f:
        rows = [line.split(None, 4) for line in f if line.strip() and not line.startswith("#")]
    assert sorted(r[0] + ".sip" for r in rows) == sorted(n for n in os.listdir(FOLDER) if n.endswith(".sip"))
    return [(name, udp, tcp) for name, _, udp, tcp, _ in rows]


def message(name, transport, ip):
    """Its bytes, with two changes: the topmost Via names the transport it goes by (RFC 3261 18.2.2 sends the answer there), and hosts of RFC 5737 are the
    sender's address, so that not even a wrong answer leaves this machine."""
    with open(os.path.join(FOLDER, name + ".sip"), "rb") as f:
        data = f.read()
    data = re.sub(rb"(SIP\s*/\s*[\d.]+\s*/\s*)(UDP|TCP|TLS)", rb"\g<1>" + transport, data, count=2 if name == "dblreq" else 1)
    if transport == b"TCP":  # another call than over UDP
        data = re.sub(rb"((?:Call-ID|I|i)\s*:\s*)", rb"\g<1>tcp-", data, count=1)
    return re.sub(rb"(Via[^\r\n]*?)192\.0\.2\.\d+", rb"\g<1>" + ip.encode(), data)


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": by_number, "BYE": 200})
    cb = t.carrier("cb", answer())
    t.routes = [{"name": "good", "from": "pbx1", "prefix": "+4420", "profile": "good"}, {"name": "odd", "from": "pbx1", "profile": "odd"}]
    t.profiles = {"good": {"targets": [{"trunk": "cb"}]}, "odd": {"targets": [{"trunk": "ca"}]}}
    t.audio_strict = True
    t.start()
    kedge = (t.ip(3), 5060)
    found = []
    for i, (name, udp, tcp) in enumerate(table()):
        found += ["%s over UDP: %s" % (name, wrong) for wrong in [differs(udp, over_udp(t, kedge, i, name, udp))] if wrong]
        found += ["%s over TCP: %s" % (name, wrong) for wrong in [differs(tcp, over_tcp(t, kedge, i, name, tcp))] if wrong]
    assert not found, "\n" + "\n".join(found)
    odd_phrases(t, ca, kedge)
    for m in ca.got("INVITE"):
        names = [n.lower() for n, _ in m.headers]
        assert all(names.count(n) <= 1 for n in ONCE) and all(n in names for n in ONCE[:6]), m.text
        assert not re.search(r"newfangled|chair-dnrc|UnknownHeader|Unknown-Long|spindle|sip33", m.text), m.text
    t.caller(call(talk=0.6))
    t.run()
    assert cb.received("INVITE") == 1
    # One record for each that became a call, odd_phrases and the good one.
    t.cdrs = sum(a[-3:] in ("486", "488", "415") for row in table() for a in row[1:]) + 2


PHRASE = "= 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e"


def by_number(raw, m):
    """486 to every message; to the call of odd_phrases a ringing without a phrase and an answer with the one of unreason (4475 3.1.1.12, 13)."""
    if "+49" not in m.uri:
        raw.reply(m, 486)
        return
    say = raw.say
    raw.say = lambda text, to: say(text.replace("180 Raw", "180 ").replace("200 Raw", "200 " + PHRASE), to)
    raw.reply(m, 180)
    raw.reply(m, 200, sdp=True)
    raw.say = say


def odd_phrases(t, ca, kedge):
    pbx = t.tool("phrases", host=200)
    pbx.say(pbx.begin("INVITE", "+4930", kedge, body=pbx.sdp()), kedge)
    assert t.until(lambda: pbx.got(200), 3) and pbx.got(180), pbx.messages()
    ok = pbx.got(200)[0]
    pbx.say(pbx.follow(ok, "ACK", 1), kedge)
    pbx.say(pbx.follow(ok, "BYE", 2), kedge)
    assert t.until(lambda: pbx.got("200 BYE") and ca.got("BYE"), 3)


def differs(wanted, got):
    got = got or "ignored"
    return "" if got == wanted else "%s, not %s" % (got, wanted)


def patience(wanted):
    return 0.3 if wanted == "ignored" else 3


def over_udp(t, kedge, i, name, wanted):
    raw = t.tool("udp-%s" % name, host=10 + i)
    raw.say(message(name, b"UDP", raw.ip), kedge)
    return outcome(t, raw, wanted, lambda: False, lambda ack: raw.say(ack, kedge))


def over_tcp(t, kedge, i, name, wanted):
    """On a connection of its own, which kedge may close where the end of the message cannot be known."""
    raw = t.tool("tcp-%s" % name, host=10 + i, tcp=True)
    link = raw.connect(kedge)
    raw.say(message(name, b"TCP", raw.ip), link)
    return outcome(t, raw, wanted, lambda: link not in raw.links, lambda ack: acknowledge(raw, ack, link))


def acknowledge(raw, ack, link):
    """A 400 of the library's may end the connection."""
    try:
        raw.say(ack, link)
    except OSError:
        pass


def outcome(t, raw, wanted, closed, say):
    answers = lambda: [m for m in raw.messages() if m.way == "in" and m.code and m.code >= 200]
    t.until(lambda: len(answers()) > wanted.count("+") or closed(), patience(wanted))
    code = final(answers(), say) or ("closed" if closed() else "")
    raw.stop()
    return code


def final(messages, say):
    """The codes of the final answers; one to an INVITE gets its ACK."""
    finals = {m["Call-ID"]: m for m in messages}
    for m in finals.values():
        if m.method == "INVITE":
            via = (m["Via"] or "SIP/2.0/UDP x").partition(",")[0]
            say(("ACK sip:x SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (
                via, m["From"], m["To"], m["Call-ID"], (m["CSeq"] or "1").split()[0])).encode())
    return "+".join(str(m.code) for m in finals.values())
