# SPDX-License-Identifier: MIT
"""forks (A154): a caller with forks=true, the first carrier's early media in PCMU, then 503; the second is offered everything and answers PCMA. The caller gets that in a dialog of its own:
another To-tag, an o= line of its own, one 200. Whoever lost the first dialog is answered 481 there. Over again with reliable answers at both ends."""
import re


def scenario(t):
    t.trunk("pbx1", "pbx", 1, forks=True)
    reliable = ["Require: 100rel", "RSeq: 3"]

    def first(raw, m):
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True, headers=reliable if m.uri.startswith("sip:+4432") else [])
        raw.later(0.4, lambda: raw.reply(m, 503))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": first, "PRACK": 200})
    t.carrier("cb", answer(ring=0.02, after=0.2), pt=8)
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    seen = set()

    def heard(raw, m):
        who = m["Call-ID"]
        if m["RSeq"] and (who, m["RSeq"]) not in seen:
            seen.add((who, m["RSeq"]))
            raw.say(raw.follow(m, "PRACK", 2, headers=["RAck: %s %s" % (m["RSeq"], m["CSeq"])]), kedge)
        elif m.is_("200 INVITE"):
            raw.say(raw.follow(m, "ACK", 1), kedge)
            if (who, 200) not in seen:
                seen.add((who, 200))
                old = [x for x in raw.messages() if x["Call-ID"] == who and x.code == 183][0]
                raw.later(0.1, lambda: raw.say(raw.follow(old, "OPTIONS", 3), kedge))
                raw.later(0.3, lambda: raw.say(raw.follow(m, "BYE", 4), kedge))
    pbx.answers["response"] = heard
    for n in (1, 2):
        pbx.say(pbx.begin("INVITE", "+443%d" % n, kedge, call_id=str(n), tag="t%d" % n, branch="b%d" % n, body=pbx.sdp("0 8"), headers=["Supported: 100rel"] if n == 2 else []), kedge)
    caller = t.caller([invite(sdp={"pts": [8, 0]}), recv(100, optional=True), recv(183), recv(180, optional=True), recv(200), ack(), pause(0.6)] + hangup(), pt=8, numbers=["+4433"])
    t.run()
    assert t.until(lambda: pbx.received("200 BYE") == 2, 5), pbx.messages()
    for peer, who in ((pbx, "1"), (pbx, "2"), (caller, None)):
        mine = [m for m in peer.messages() if m.way == "in" and m.method == "INVITE" and m.code in (183, 200) and (who is None or m["Call-ID"] == who)]
        old, new = [m for m in mine if m.code == 183][-1], [m for m in mine if m.code == 200][0]
        assert old.to_tag != new.to_tag, mine
        assert re.search(r"m=audio \d+ RTP/AVP 0", old.body) and re.search(r"m=audio \d+ RTP/AVP 8", new.body), new.text
        assert re.search(r"o=\S+ (\d+)", old.body).group(1) != re.search(r"o=\S+ (\d+)", new.body).group(1)
    # offered as the caller has it, not cut to what the first one answered
    assert all(re.search(r"RTP/AVP 8 0\b", m.body) for m in t.peers["cb"].got("INVITE") if "+4433@" in m.uri)
    assert pbx.received("481 OPTIONS") == 2, pbx.messages()
    assert [bool(m["RSeq"]) for m in pbx.got(183)] == [m["Call-ID"] == "2" for m in pbx.got(183)]
    t.cdrs = 3


def after(t):
    t.heard("caller1", 20)
    assert max(end["heard"] for end in t.rtps["cb"].ends()) >= 20, t.rtps["cb"].ends()
