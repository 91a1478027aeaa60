# SPDX-License-Identifier: MIT
"""trace_tcp (A157): the same over TCP: connections that the PBX made and those that kedge made, messages that came in pieces and several at once, each is on the tape once, whole."""
import json
import time
from types import SimpleNamespace


def scenario(t):
    t.transport = "tcp"
    ca = t.stream("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 503)})
    cb = t.stream("cb", {"OPTIONS": 200, "BYE": 200, "INVITE": ring_and_answer})
    t.start()
    pbx = t.tool(tcp=True)
    inside = t.kedge_at()
    link = pbx.connect(inside)
    invite = pbx.begin("INVITE", "+442071838750", inside, "tcp", body=pbx.sdp())
    link.sendall(invite[:200].encode())
    time.sleep(0.1)
    pbx.say(invite, SimpleNamespace(sendall=lambda data: link.sendall(data[200:])))
    assert t.until(lambda: pbx.got("200 INVITE"), 5)
    ok = pbx.first("200 INVITE")
    ack, bye = pbx.follow(ok, "ACK", 1), pbx.follow(ok, "BYE", 2)
    pbx.say(ack, SimpleNamespace(sendall=lambda data: None))
    pbx.say(bye, SimpleNamespace(sendall=lambda data: link.sendall(ack.encode() + data)))
    assert t.until(lambda: pbx.got("200 BYE") and t.events("call.end"), 5)
    told = json.loads(t.verb("trace", "tcp", "--json"))
    messages = [m for m in told["messages"] if "note" not in m]
    assert all(m["transport"] == "tcp" for m in messages), messages
    assert told["left_out"] == 0 and not any(m["again"] for m in messages), [kind(m) for m in messages]
    by_who = {who: [m for m in messages if m["who"] == who] for who in ("pbx1", "ca", "cb")}
    assert sum(map(len, by_who.values())) == len(messages), sorted({m["who"] for m in messages})
    assert [m["text"] for m in by_who["pbx1"] if m["way"] == "in"] == [invite, ack, bye], by_who["pbx1"]
    assert [kind(m) for m in by_who["pbx1"] if m["way"] == "out"] == ["100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"], by_who["pbx1"]
    for carrier, name, sent in ((ca, "ca", ["INVITE", "ACK"]), (cb, "cb", ["INVITE", "ACK", "BYE"])):
        has = [m.text for m in carrier.messages() if m.way == "in" and m.method != "OPTIONS"]
        assert [m["text"] for m in by_who[name] if m["way"] == "out"] == has and [kind(m) for m in by_who[name] if m["way"] == "out"] == sent, (name, has)
    assert [kind(m) for m in by_who["cb"] if m["way"] == "in"] == ["180 INVITE", "200 INVITE", "200 BYE"], by_who["cb"]
    t.cdrs = 1


def ring_and_answer(raw, m):
    raw.reply(m, 180)
    raw.reply(m, 200, sdp=True)


def kind(m):
    words = m["text"].split("\r\n")[0].split()
    if words[0] != "SIP/2.0":
        return words[0]
    return words[1] + " " + [line for line in m["text"].split("\r\n") if line.startswith("CSeq:")][0].split()[-1]
