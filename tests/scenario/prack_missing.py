# SPDX-License-Identifier: MIT
"""prack_missing (A154 A156): the caller requires 100rel and never acknowledges (RFC 3262 3). While the carrier rings: 504 after 64*T1, CANCEL to the carrier. Where it has answered: the 200 was
held; 504, and ACK and BYE to the carrier. Where the caller cancels or the callee hangs up meanwhile: 487, 480. Nothing is billed."""
import re
from checker import faults


def scenario(t):
    t.time_scale = 10

    def rings(raw, m):
        if len([x for x in raw.got("INVITE") if x["Call-ID"] == m["Call-ID"]]) > 1:
            return
        raw.reply(m, 100)
        raw.reply(m, 183, sdp=True)
        if not m.uri.startswith("sip:+442071838301"):
            raw.later(0.1, lambda: raw.reply(m, 200, sdp=True))
        if m.uri.startswith("sip:+442071838304"):
            raw.later(0.4, lambda: raw.say(raw.follow(m, "BYE", 1), m.source))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": rings, "BYE": 200, "CANCEL": lambda raw, m: (raw.reply(m, 200), raw.reply(m, 487, method="INVITE"))})
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    for n in range(1, 5):
        pbx.say(pbx.begin("INVITE", "+44207183830%d" % n, kedge, call_id="call%d" % n, tag="t%d" % n, branch="b%d" % n, body=pbx.sdp("0"), headers=["Require: 100rel"]), kedge)
    assert t.until(lambda: {m["Call-ID"] for m in pbx.got(183)} >= {"call1", "call2", "call3", "call4"} and ca.received("ACK") >= 3, 3)
    pbx.say(pbx.begin("CANCEL", "+442071838303", kedge, call_id="call3", tag="t3", branch="b3"), kedge)
    final = lambda n: [m for m in pbx.messages() if m.way == "in" and m["Call-ID"] == "call%d" % n and m.method == "INVITE" and m.code >= 200]
    assert t.until(lambda: all(final(n) for n in range(1, 5)), 8), [final(n) for n in range(1, 5)]
    assert [final(n)[0].code for n in range(1, 5)] == [504, 504, 487, 480]
    for n in range(1, 5):
        m = final(n)[0]
        pbx.say(re.sub(r"\r\nTo: [^\r]*", lambda _: "\r\nTo: " + m["To"], pbx.begin("ACK", "+44207183830%d" % n, kedge, call_id="call%d" % n, tag="t%d" % n, branch="b%d" % n)), kedge)
    assert 2.5 < t.gap([m for m in pbx.sent("INVITE") if m["Call-ID"] == "call1"][0], final(1)[0]) < 8   # 64*T1 is 3.2 s here
    repeats = [m for m in pbx.got(183) if m["Call-ID"] == "call1"]
    assert len(repeats) > 3 and len({m["RSeq"] for m in repeats}) == 1, repeats
    assert t.until(lambda: ca.received("CANCEL") == 1 and ca.received("BYE") == 2, 3), ca.messages()
    assert ca.received("200 BYE") == 1
    found = faults(pbx) + faults(ca)
    assert not found, "\n".join(found)
    t.cdrs = 4
    t.audio_strict = False


def after(t):
    records = {r["dst"][-1]: r for r in t.cdr()}
    assert [records[n]["disposition"] for n in "1234"] == ["FAILED", "FAILED", "CANCELLED", "NO ANSWER"], records
    assert records["2"]["decision"]["result"] == "no_prack"
    assert not any(r["billsec"] for r in records.values())
