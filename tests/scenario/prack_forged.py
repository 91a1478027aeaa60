# SPDX-License-Identifier: MIT
"""prack_forged (A154 A156): somebody who knows the numbers of a reliable 183 acknowledges it: with another To-tag, from another trunk's address, over UDP and over TCP. 481 (403 where the tags are right); the
183 is said on until the caller's own PRACK, which gets 200, and the 200 that was held goes out then."""
import re


def scenario(t):
    tcp = t.transport == "tcp"
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.9/32" % t.slot])
    t.trunk("pbx2", "pbx", 2, sources=["127.%d.1.20/32" % t.slot])

    def rings(raw, m):
        if len(raw.got("INVITE")) > 1:
            return
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True)
        raw.later(0.2, lambda: raw.reply(m, 200, sdp=True))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "BYE": 200})
    t.start()
    kedge = (t.ip(3), t.port("kedge3"))
    pbx, thief = t.tool(tcp=tcp), t.tool("thief", host=20, tcp=tcp)
    at, there = (pbx.connect(kedge), thief.connect(kedge)) if tcp else (kedge, kedge)
    pbx.say(pbx.begin("INVITE", "+442071838750", kedge, body=pbx.sdp("0"), headers=["Require: 100rel"]), at)
    assert t.until(lambda: pbx.got(183) and ca.got("ACK"), 3)
    m = pbx.first(183)
    rack = ["RAck: %s %s" % (m["RSeq"], m["CSeq"])]
    forged = pbx.follow(m, "PRACK", 2, headers=rack)
    pbx.say(forged.replace(m.to_tag, "wrong"), at)
    thief.say(thief.follow(m, "PRACK", 3, headers=rack).replace(m.to_tag, "wrong"), there)
    thief.say(thief.follow(m, "PRACK", 4, headers=rack), there)
    assert t.until(lambda: pbx.received("481 PRACK") == 1 and thief.received("481 PRACK") >= 1, 3), (pbx.messages(), thief.messages())
    assert t.until(lambda: {x["CSeq"]: x.code for x in thief.messages() if x.way == "in"}.get("4 PRACK", 0) in (403, 481), 3), thief.messages()
    if not tcp:
        said = len(pbx.got(183))
        assert t.until(lambda: len(pbx.got(183)) > said, 5), "the 183 is not said any more"
    assert pbx.received("200 INVITE") == 0, "the 200 did not wait for the PRACK"
    pbx.say(pbx.follow(m, "PRACK", 5, headers=rack), at)
    assert t.until(lambda: pbx.received("200 PRACK") == 1 and pbx.got("200 INVITE"), 3), pbx.messages()
    pbx.say(pbx.follow(pbx.first("200 INVITE"), "ACK", 1), at)
    pbx.say(pbx.follow(pbx.first("200 INVITE"), "BYE", 6), at)
    assert t.until(lambda: ca.received("BYE") == 1 and pbx.received("200 BYE") == 1, 3)
    t.cdrs = 1
    t.audio_strict = False
