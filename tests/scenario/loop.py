# SPDX-License-Identifier: MIT
"""loop: a carrier sends the call back where it came from, as a proxy does. kedge knows it when it comes round, answers 482 and hunts no further: a loop multiplies.
The PBX hears 482, the second carrier nothing."""


def scenario(t):
    kedge = (t.ip(4), 5060)
    back = t.silent("round", {"OPTIONS": 200, "INVITE": lambda raw, m: forward(raw, m, kedge), "response": returns}, sources=["%s/32" % t.ip(2)])
    cb = t.carrier("cb", answer())
    t.routes = [{"name": "out", "from": "pbx1", "profile": "out"}, {"name": "again", "from": "round", "profile": "out"}]
    pbx = t.caller(fails(482))
    t.run()
    assert cb.received("INVITE") == 0 and pbx.received(482) == 1
    assert t.gap(pbx.sent("INVITE")[0], pbx.first(482)) < 1
    assert back.received("INVITE") == 2 and int(back.got("INVITE")[-1]["Max-Forwards"]) < int(back.got("INVITE")[0]["Max-Forwards"])
    assert len(t.told("call.loop")) == 1
    t.cdrs = 2  # the call, and the call that came round once


def forward(raw, m, kedge):
    here = "%s:5060;branch=z9hG4bKround%s" % (raw.ip, m["Via"].split("z9hG4bK")[1].split(";")[0])
    head, _, body = m.text.replace("\r\n", "\n").partition("\n\n")
    lines = head.split("\n")
    lines[0] = lines[0].replace("@%s:5060" % raw.ip, "@%s:5060" % kedge[0])
    lines = [x if not x.startswith("Max-Forwards") else "Max-Forwards: %d" % (int(x.split(":")[1]) - 1) for x in lines]
    raw.hops = getattr(raw, "hops", {})
    raw.hops[here] = m
    raw.say("\r\n".join([lines[0], "Via: SIP/2.0/UDP " + here] + lines[1:]) + "\r\n\r\n" + body.replace("\n", "\r\n"), kedge)


def returns(raw, m):
    """The answer goes back one hop; ours is a stateful proxy, which acknowledges refusals itself."""
    here = m["Via"].replace("SIP/2.0/UDP ", "").split(";rport")[0].split(";received")[0]
    if m.method != "INVITE" or here not in raw.hops:
        return
    first = raw.hops[here]
    if m.code >= 300:
        keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n in ("From", "To", "Call-ID"))
        raw.say("ACK sip:x@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\n%sCSeq: %s ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (
            m.source[0], here, keep, m["CSeq"].split()[0]), m.source)
    raw.reply(first, m.code)
