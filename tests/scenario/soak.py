# SPDX-License-Identifier: MIT
"""soak (A44): 500 calls, 10,000 under --long, and at three carriers whatever a carrier may do, by dice: answers, rings on, refuses before and after ringing, says nothing, says 100 alone,
wakes up late, answers as the CANCEL comes; callers hang up and cancel. No call has two answered legs, no INVITE follows a 180, no phone rings on when another has the call, no leg is
left over, and what records and metrics say is what the carriers' own books say. KEDGE_SOAK_CALLS, KEDGE_SEED repeat a run."""
import os
import random
import re
import time

import exposition

CALLS, RATE = int(os.environ.get("KEDGE_SOAK_CALLS", "500")), 15
SEED = int(os.environ.get("KEDGE_SEED", random.randrange(1 << 30)))
# A way: (seconds, code) in turn; seconds may be a range. `cancel`: 200 to the INVITE as the CANCEL comes.
WAYS = {"answer": [(0, 100), ((0.01, 0.1), 180), ((0.02, 0.3), 200)], "early": [(0, 100), ((0.01, 0.1), 183), ((0.02, 0.3), 200)], "at once": [(0, 200)],
        "refuse 503": [(0, 100), ((0, 0.1), 503)], "refuse 500": [((0, 0.1), 500)], "refuse 504": [(0, 100), ((0, 0.2), 504)], "refuse 408": [(0, 100), (0.1, 408)],
        "busy": [(0, 100), (0.02, 180), ((0, 0.2), 486)], "gone": [((0, 0.1), 404)], "declined": [(0, 100), (0.02, 180), (0.1, 603)], "away": [(0, 100), (0.05, 480)],
        "rings, then 503": [(0, 100), (0.02, 180), (0.1, 503)], "early, then 503": [(0, 100), (0.02, 183), (0.1, 503)], "silent": [], "only 100": [(0, 100)],
        "rings on": [(0, 100), (0.05, 180)], "late": [((0.3, 2), 100), (0.05, 180), (0.1, 200)], "late 200": [((0.3, 2.5), 200)], "late busy": [((0.3, 2.5), 486)],
        "cancel": [(0, 100)]}
LIKELY = ["answer"] * 6 + ["early", "refuse 503", "silent", "late"] + list(WAYS)


class Leg:
    def __init__(self, carrier, way, m):
        self.carrier, self.way, self.invite, self.invited = carrier, way, m, time.time()
        self.code = self.rang = self.quiet = self.answered = self.cancelled = self.acked = self.ended = None


class Call:
    def __init__(self):
        self.legs, self.answers, self.code, self.final, self.ended, self.cancelled, self.rang = [], set(), None, None, None, None, None


class Books:
    """What everybody saw of every call."""

    def __init__(self):
        self.dice, self.calls, self.legs = random.Random(SEED), {}, {}

    def of(self, m):
        return self.calls.get(re.search(r"4420(\d{7})", m["To"]).group(1))

    # ---- carriers ----

    def on_invite(self, raw, m):
        key = (raw.name, m["Via"].split(",")[0])
        if key in self.legs:
            return
        way = self.dice.choice(LIKELY)
        leg = self.legs[key] = Leg(raw.name, way, m)
        self.of(m).legs.append(leg)
        at = 0
        for wait, code in WAYS[way]:
            at += self.dice.uniform(*wait) if isinstance(wait, tuple) else wait
            if at:
                raw.later(at, lambda code=code: self.says(raw, leg, code))
            else:
                self.says(raw, leg, code)

    def says(self, raw, leg, code):
        if leg.code:
            return
        if code >= 200:
            leg.code = code
            leg.quiet = leg.rang and time.time()
        elif code > 100:
            leg.rang = leg.rang or (time.time() if code == 180 else None)
        if code == 200:
            leg.answered = time.time()
            if self.dice.random() < 0.2:
                raw.later(self.dice.uniform(0.1, 0.6), lambda: self.hangs_up(raw, leg))
        raw.reply(leg.invite, code, sdp=code in (183, 200))

    def hangs_up(self, raw, leg):
        if leg.acked and not leg.ended:
            leg.ended = time.time()
            raw.say(raw.follow(leg.invite, "BYE", 1), leg.invite.source)

    def leg_of(self, raw, m):
        return next((x for x in self.of(m).legs if x.carrier == raw.name and x.invite["Call-ID"] == m["Call-ID"]), None)

    def on_cancel(self, raw, m):
        leg = self.legs.get((raw.name, m["Via"].split(",")[0]))
        raw.reply(m, 200 if leg else 481)
        if leg:
            leg.cancelled = leg.cancelled or time.time()
            self.says(raw, leg, 200 if leg.way == "cancel" else 487)

    def on_ack(self, raw, m):
        leg = self.leg_of(raw, m)
        leg.acked = leg.acked or time.time()

    def on_bye(self, raw, m):
        leg = self.leg_of(raw, m)
        leg.ended = leg.ended or time.time()
        raw.reply(m, 200)

    # ---- the PBX ----

    def dials(self, pbx, n, kedge):
        call = self.calls["%07d" % n] = Call()
        call.id = "soak-%d" % n
        call.text = pbx.begin("INVITE", "+4420%07d" % n, kedge, call.id, call.id, pbx.sdp(), call.id)
        call.begun = time.time()
        pbx.say(call.text, kedge)
        if self.dice.random() < 0.1:
            pbx.later(self.dice.uniform(0.1, 1.5), lambda: self.cancels(pbx, call, kedge))

    def cancels(self, pbx, call, kedge):
        if call.final:
            return
        call.cancelled = time.time()
        head = call.text.partition("\r\n\r\n")[0].split("\r\n")
        keep = [h for h in head[1:] if h.split(":")[0] in ("Via", "From", "To", "Call-ID", "Max-Forwards")]
        pbx.say("\r\n".join([head[0].replace("INVITE", "CANCEL", 1), *keep, "CSeq: 1 CANCEL", "Content-Length: 0", "", ""]), kedge)

    def on_response(self, pbx, m):
        call = self.of(m)
        if m.method != "INVITE" or m.code < 200:
            return
        if m.code < 300:
            pbx.say(pbx.follow(m, "ACK", 1), m.source)
            call.answers.add(m.to_tag)
        else:
            pbx.say("\r\n".join(["ACK sip:x SIP/2.0", "Via: " + re.sub(";(received|rport)[^;]*", "", m["Via"]), "From: " + m["From"], "To: " + m["To"], "Call-ID: " + m["Call-ID"],
                                 "CSeq: 1 ACK", "Max-Forwards: 70", "Content-Length: 0", "", ""]), m.source)
        if call.final:
            return
        call.final, call.code = time.time(), m.code
        if m.code < 300:
            pbx.later(self.dice.uniform(0.05, 0.8), lambda: self.leaves(pbx, call, m))

    def leaves(self, pbx, call, m):
        if not call.ended:
            call.ended = time.time()
            pbx.say(pbx.follow(m, "BYE", 2), m.source)

    def on_pbx_bye(self, pbx, m):
        call = self.calls["%07d" % int(m["Call-ID"].split("-")[1])]
        call.ended = call.ended or time.time()
        pbx.reply(m, 200)

    def open(self):
        """What has not come to its end."""
        return [c for c in self.calls.values() if not c.final or (c.code < 300 and not c.ended) or any(x.answered and not x.ended for x in c.legs)]


def scenario(t):
    print("seed", SEED)
    books, t.time_scale, t.trace = Books(), 2, False
    t.books, t.sip_strict, t.cdrs = books, CALLS <= 1000, CALLS
    carriers = [t.silent(name, {"OPTIONS": 200, "INVITE": books.on_invite, "CANCEL": books.on_cancel, "ACK": books.on_ack, "BYE": books.on_bye},
                         breaker={"consecutive": 1000, "window": [], "open": "1s", "min_uptime": "0s", "ramp": [100]}, timers={"ring": "5s", "progress": "3s", "progress_failover": "3s"},
                         min_call_duration="0s") for name in ("ca", "cb", "cc")]
    t.top = {"limits": {"max_calls": 200}, "log": {"level": "info", "format": "json", "file": t.folder + "/kedge.log"}}
    pbx = t.tool(answers={"response": books.on_response, "BYE": books.on_pbx_bye})
    t.start()
    begun = time.monotonic()
    for n in range(CALLS):
        t.until(lambda: time.monotonic() >= begun + n / RATE, 5)
        books.dials(pbx, n, t.kedge_at())
    assert t.until(lambda: not books.open(), 90), "not at their end: %s" % [(c.id, c.code, [(x.carrier, x.way, x.code) for x in c.legs]) for c in books.open()][:5]
    t.settle()
    judge(t, books)
    compare(t, books, carriers)


def judge(t, books):
    wrong = []
    for call in books.calls.values():
        legs = sorted(call.legs, key=lambda x: x.invited)
        tell = lambda what: wrong.append("%s %s: %s" % (call.id, [(x.carrier, x.way, x.code) for x in legs], what))
        if len(call.answers) > 1 or call.code == 200 and not any(x.answered for x in legs):
            tell("%d answers to the caller" % len(call.answers))
        for x in legs:
            if x.answered and not (x.acked and x.ended):
                tell("%s answered and was left" % x.carrier)
            for y in legs:
                if y.rang and x.invited > y.rang + 0.1:
                    tell("%s was called though %s rang" % (x.carrier, y.carrier))
                if x is not y and x.answered and y.answered and min(x.ended, y.ended) - max(x.answered, y.answered) > 0.3:
                    tell("%s and %s both had the call" % (x.carrier, y.carrier))
                if x is not y and x.rang and y.rang and min(x.quiet, y.quiet) - max(x.rang, y.rang) > 0.3:
                    tell("%s and %s rang at once" % (x.carrier, y.carrier))
    assert not wrong, "%d faults, seed %d\n%s" % (len(wrong), SEED, "\n".join(wrong[:10]))


def compare(t, books, carriers):
    t.until(lambda: len(t.cdr()) >= CALLS, 20)
    records, wrong = {r["sip"]["caller"]: r for r in t.cdr()}, []
    for call in books.calls.values():
        legs = {x.carrier: x for x in call.legs}
        tried = {a["trunk"]: a for a in records[call.id]["attempts"] if a["start"]}
        if len(legs) != len(call.legs) or sorted(tried) != sorted(legs):
            wrong.append("%s: attempts %s, carriers %s" % (call.id, sorted(tried), [x.carrier for x in call.legs]))
            continue
        for name, a in tried.items():
            if a["code"] and a["code"] != legs[name].code:
                wrong.append("%s: %s by the record, %s by %s" % (call.id, a["code"], legs[name].code, name))
    assert not wrong, "%d faults, seed %d\n%s" % (len(wrong), SEED, "\n".join(wrong[:10]))
    text = exposition.Text(t.ask("/metrics"))
    for raw in carriers:
        mine = [x for x in books.legs.values() if x.carrier == raw.name]
        attempts = sum(text.named("kedge_trunk_attempts_total", trunk=raw.name).values())
        assert attempts == len(mine), "%s: %d attempts counted, %d INVITEs there, seed %d" % (raw.name, attempts, len(mine), SEED)
        counted = {int(dict(labels)["code"]): int(n) for labels, n in text.named("kedge_trunk_responses_total", trunk=raw.name).items() if n}
        said = {}
        for x in mine:
            if x.code:
                said[x.code] = said.get(x.code, 0) + 1
        assert counted == said, "%s: counted %s, said %s, seed %d" % (raw.name, counted, said, SEED)
