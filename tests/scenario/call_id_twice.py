# SPDX-License-Identifier: MIT
"""call_id_twice: two PBX hosts use the same Call-ID and CSeq at the same time. They are two calls, each with its own dialog at the carrier; the BYE of one leaves
the other up. With the same From-tag too the second is a merged request and gets 482 (RFC 3261 8.2.2.2)."""


def scenario(t):
    ca = t.carrier("ca", answer())
    t.start()
    kedge = (t.ip(3), 5060)
    ends = [t.tool("one", host=8), t.tool("two", host=9)]
    for i, end in enumerate(ends):
        end.say(end.begin("INVITE", "+44207183875%d" % i, kedge, call_id="same", tag=end.name, body=end.sdp()), kedge)
    for end in ends:
        assert t.until(lambda: end.got("200 INVITE"), 3), "%s: %s" % (end.name, end.messages())
        end.say(end.follow(end.first("200 INVITE"), "ACK", 1), kedge)
    oks = [end.first("200 INVITE") for end in ends]
    assert oks[0].to_tag != oks[1].to_tag and ca.received("INVITE") == 2
    assert len({m["Call-ID"] for m in ca.got("INVITE")}) == 2
    merged = t.tool("merged", host=7)
    merged.say(merged.begin("INVITE", "+442071838752", kedge, call_id="same", tag="one", body=merged.sdp()), kedge)
    assert t.until(lambda: merged.got("482 INVITE"), 2) and ca.received("INVITE") == 2
    merged.say(merged.begin("ACK", "+442071838752", kedge, call_id="same", tag="one", branch=merged.sent("INVITE")[0]["Via"].split("z9hG4bK")[1]), kedge)
    ends[0].say(ends[0].follow(oks[0], "BYE", 2), kedge)
    assert t.until(lambda: ca.received("BYE") == 1, 2)
    assert not ends[1].got("BYE") and not t.until(lambda: ca.received("BYE") == 2, 0.4)
    ends[1].say(ends[1].follow(oks[1], "BYE", 2), kedge)
    assert t.until(lambda: ca.received("BYE") == 2 and ends[1].got("200 BYE"), 2)
    t.cdrs = 2
    t.audio_strict = False
