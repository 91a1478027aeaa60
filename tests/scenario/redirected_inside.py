# SPDX-License-Identifier: MIT
"""redirected_inside: a carrier redirects the call to an address of its own: the call goes there, once, with the Contact's number, the To as it was. A second redirection is one too many, one
that also names somebody else, a maddr or another scheme is not followed at all: the next carrier is called."""

LEADS = {
    "111": ["Contact: <sip:+441111@{ip2}:5060;transport=udp>;q=0.2, <sip:+449999@{ip2}>;q=0.7"],
    "222": ["Contact: <sip:+442222@{ip2}:5060>, <sip:+19005550000@{thief}:5060>"],
    "333": ["Contact: <sip:+443333@{ip2}:5060;maddr={thief}>"],
    "444": ["Contact: <tel:+444444>"],
    "555": ["Contact: <sip:+445555@{ip2}:5060?Route=%3Csip:{thief}%3E>"],
    "666": [],
}


def scenario(t):
    thief = t.tool("thief", net=2, host=99)
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": leads(t)}, hops=["sip:%s" % t.ip(2, 1), "sip:%s" % t.ip(2, 77)], max_hops=1)
    node = t.tool("node", net=2, host=77)
    node.answers = {"OPTIONS": 200, "INVITE": follow, "BYE": 200}
    t.passes = [r"127\.\d+\.2\.(1|77)$"]  # two addresses of one carrier
    cb = t.carrier("cb", answer())
    t.top = {"sip": {"t1": "200ms"}}
    t.start()
    assert t.until(lambda: node.got("OPTIONS"), 10)
    good = t.caller([invite(), recv(100, optional=True), recv(200, rtp=False), ack(), bye(rtp=False), recv(200)], numbers=["+44111"], host=1)
    t.run()
    assert node.received("INVITE") == 1 and cb.received("INVITE") == 0
    moved = node.first("INVITE")
    assert moved.uri.startswith("sip:+449999@%s" % t.ip(2, 77)) and "+44111" in moved["To"], moved.text
    assert moved["Call-ID"] != ca.first("INVITE")["Call-ID"] and node.received("BYE") == 1 and good.received("200 INVITE") == 1
    for i, number in enumerate(("222", "333", "444", "555", "666")):
        t.caller(call(talk=0.2), numbers=["+44" + number], host=i + 2)
        t.run()
    assert node.received("INVITE") == 1 and cb.received("INVITE") == 5 and not thief.got("INVITE")
    # The node redirects again.
    node.answers["INVITE"] = lambda raw, m: redirect(raw, m, ["Contact: <sip:%s>" % t.ip(2, 77)])
    t.caller(call(talk=0.2), numbers=["+44111"], host=8)
    t.run()
    assert node.received("INVITE") == 2 and cb.received("INVITE") == 6
    t.audio_strict = False


def follow(raw, m):
    raw.reply(m, 200, sdp=True)


def leads(t):
    def answers(raw, m):
        number = next(n for n in LEADS if "+44" + n in m["To"])
        redirect(raw, m, [h.format(ip2=t.ip(2, 77), thief=t.ip(2, 99)) for h in LEADS[number]])
    return answers


def redirect(raw, m, lines):
    keep = ["%s: %s" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id", "cseq")]
    raw.say("\r\n".join(["SIP/2.0 302 Moved"] + keep + ["To: %s;tag=raw" % m["To"]] + lines + ["Content-Length: 0"]) + "\r\n\r\n", m.source)
