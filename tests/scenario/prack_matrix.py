# SPDX-License-Identifier: MIT
"""prack_matrix (A154): 100rel at both ends, at the caller alone, at the carriers alone, nowhere; the first carrier fails behind each message of the setup. Every caller sees
one valid dialog: one To-tag, its RSeq line running on over the carriers, one SDP, the 200 behind its PRACK; the checker reads every message."""
import re
from checker import faults

SIDES = {"both": (True, True), "caller": (True, False), "carrier": (False, True), "none": (False, False)}
POINTS = ["invite", "100", "180", "183", "prack", "prack200"]
CELLS = [(s, p) for s in SIDES for p in POINTS]


def scenario(t):
    number = {"+4420718300%02d" % i: cell for i, cell in enumerate(CELLS)}
    cell = lambda m: number[re.search(r"(\+?\d+)@", m.uri).group(1)]
    reliable = lambda m: SIDES[cell(m)[0]][1]
    calls = {}

    def provisional(raw, m, code, rseq, sdp=False):
        raw.reply(m, code, sdp=sdp, headers=["Require: 100rel", "RSeq: %d" % rseq] if reliable(m) else [])

    def first(raw, m):
        if len([x for x in raw.got("INVITE") if x["Call-ID"] == m["Call-ID"]]) > 1:
            return
        point = POINTS.index(cell(m)[1])
        calls[m["Call-ID"]] = m
        if point > 0:
            raw.reply(m, 100)
        if point > 1:
            provisional(raw, m, 180, 41)
        if point > 2:
            raw.later(0.1, lambda: provisional(raw, m, 183, 42, sdp=True))
        if point < 4 or not reliable(m):
            raw.later(0.15 if point < 4 else 0.6, lambda: raw.reply(m, 503))

    def first_prack(raw, m):
        invite = calls[m["Call-ID"]]
        point, last = cell(invite)[1], m["RAck"].startswith("42 ")
        if last and point == "prack":
            raw.reply(invite, 503)
            raw.later(0.1, lambda: raw.reply(m, 200))
            return
        raw.reply(m, 200)
        if last and point == "prack200":
            raw.reply(invite, 503)

    def second(raw, m):
        if len([x for x in raw.got("INVITE") if x["Call-ID"] == m["Call-ID"]]) > 1:
            return
        calls[m["Call-ID"]] = m
        raw.reply(m, 100)
        provisional(raw, m, 180, 7)
        raw.later(0.1, lambda: provisional(raw, m, 183, 8, sdp=True))
        raw.later(0.3, lambda: raw.reply(m, 200, sdp=not reliable(m)))

    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": first, "PRACK": first_prack}, advance_after="180", codes={"no_count": "503"}, breaker={"consecutive": 1000, "window": []})
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": second, "PRACK": 200, "BYE": 200})
    t.start()
    pbx = t.tool()
    kedge = (t.ip(3), 5060)
    seen, numbers = set(), {}

    def heard(raw, m):
        who = m["Call-ID"]
        numbers.setdefault(who, 1)

        def follow(method, headers=()):
            numbers[who] += 1
            raw.say(raw.follow(m, method, numbers[who], headers=headers), kedge)
        if m.code == 200 and m.method == "INVITE":
            raw.say(raw.follow(m, "ACK", 1), kedge)
            if (who, 200) not in seen:
                seen.add((who, 200))
                raw.later(0.3, lambda: follow("BYE"))
        elif m["RSeq"] and (who, m["RSeq"]) not in seen:
            seen.add((who, m["RSeq"]))
            raw.later(0.25, lambda: follow("PRACK", ["RAck: %s %s" % (m["RSeq"], m["CSeq"])]))
    pbx.answers["response"] = heard
    for n, (side, point) in number.items():
        pbx.say(pbx.begin("INVITE", n, kedge, call_id="%s-%s" % (side, point), tag=point, branch="%s-%s" % (side, point), body=pbx.sdp("0 8"),
                          headers=["Supported: 100rel"] if SIDES[side][0] else ["Supported: timer"]), kedge)
    assert t.until(lambda: pbx.received("200 BYE") == len(CELLS), 15), pbx.received("200 BYE")
    for side, point in CELLS:
        mine = [m for m in pbx.messages() if m["Call-ID"] == "%s-%s" % (side, point) and m.way == "in"]
        answers = [m for m in mine if m.method == "INVITE" and m.code > 100]
        assert len({m.to_tag for m in answers}) == 1, answers
        rseqs = {m["RSeq"] for m in answers if m["RSeq"]}
        assert bool(rseqs) == SIDES[side][0], (side, point, answers)
        assert sum(m.code == 200 for m in mine if m.method == "PRACK") >= len(rseqs), (side, point)
        assert len({m.body for m in answers if m.body.strip()}) == 1, (side, point)
    assert len({m["Call-ID"] for m in ca.got("INVITE")}) == len({m["Call-ID"] for m in cb.got("INVITE")}) == len(CELLS)
    for raw, count in ((ca, 1 + 2 * 3), (cb, 2 * 6)):
        assert len({m["Via"] for m in raw.got("PRACK")}) == 2 * count, (raw.name, len(raw.got("PRACK")))
    found = faults(pbx) + faults(ca) + faults(cb)
    assert not found, "\n".join(found[:20])
    t.cdrs = len(CELLS)
    t.audio_strict = False


def after(t):
    assert all(r["disposition"] == "ANSWERED" and len(r["attempts"]) == 2 for r in t.cdr()), t.cdr()
