# SPDX-License-Identifier: MIT
"""dtmf_matrix (A100): every way digits travel with the PBX against every way they travel with a carrier: RFC 4733, INFO with dtmf-relay, INFO with a bare digit, tones.
Twelve digits each way in each call: exact, in order, none twice, with their lengths. Telephone-event is offered and answered to each side as its own way asks. The CDR and
kedge calls say how digits travel; logs, CDRs and traces do not say which."""
import json
import re
import time

from digits import Digits

TYPED = "1234567890*#"
ON = [100, 120, 140]
WAYS = {"rfc4733": {"dtmf": "rfc4733"}, "info": {"dtmf": "info"}, "plain": {"dtmf": "info", "dtmf_info": "plain"}, "inband": {"dtmf": "inband"}}
RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"


class Party:
    """A SIP socket and an RTP end of one side of one call."""

    def __init__(self, t, raw, way, port):
        self.t, self.raw, self.way, self.infos, self.seen = t, raw, way, [], set()
        self.rtp = Digits(raw.ip, port, "inband" if way == "inband" else "rfc4733" if way == "rfc4733" else "info")
        self.port = port
        raw.answers["INFO"] = self.on_info

    def sdp(self):
        # Tones and INFO: it knows telephone-event none the less, as most phones do; kedge has to keep it from them.
        return self.raw.sdp("0 101", self.port) + "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"

    def on_info(self, raw, m):
        if m["CSeq"] in self.seen:
            raw.reply(m, 200)  # sent again, for the machine was slow
            return
        self.seen.add(m["CSeq"])
        if m["Content-Type"] == RELAY:
            signal, ms = re.fullmatch(r"Signal= ?(.)\nDuration= ?(\d+)\n", m.body).groups()
            self.infos.append((signal, int(ms)))
        else:
            assert m["Content-Type"] == PLAIN and len(m.body) == 1, m.text
            self.infos.append((m.body, None))
        raw.reply(m, 200)

    def aim(self, body):
        found = re.search(r"m=audio (\d+) RTP/AVP ([\d ]+)", body)
        event = re.search(r"a=rtpmap:(\d+) telephone-event/8000", body)
        assert (self.way == "rfc4733") == bool(event), "%s was told:\n%s" % (self.way, body)
        ip = re.search(r"c=IN IP4 (\S+)", body).group(1)
        self.rtp.aim((ip, int(found.group(1))), int(event.group(1)) if event else 101)

    def heard(self):
        return self.infos if self.way in ("info", "plain") else self.rtp.heard()


def scenario(t):
    t.top = {"sip": {"t1": "500ms"}}
    t.audio_strict = False
    names = list(WAYS)
    pbx, carrier, first = {}, {}, {}

    def taker(raw, m):
        first[raw.name] = m
        carrier[raw.name].aim(m.body)
        text = carrier[raw.name].sdp()
        if carrier[raw.name].way != "rfc4733":  # not offered, so not answered
            text = text.replace("0 101", "0").replace("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", "")
        keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id"))
        raw.say("SIP/2.0 200 OK\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
            keep, m["To"], m["CSeq"], raw.here, len(text), text), m.source)

    boxes = []
    for i, a in enumerate(names):
        t.trunk("pbx-" + a, "pbx", i + 1, sources=["%s/32" % t.ip(1, i + 1)], **WAYS[a])
        boxes.append(t.tool("box-" + a, host=i + 1, port=5062))
    for b in names:
        for a in names:
            name = "c%d%d" % (names.index(a), names.index(b))
            raw = t.silent(name, {"OPTIONS": 200, "BYE": 200, "INVITE": taker}, **WAYS[b])
            carrier[name] = Party(t, raw, b, 21000)
            t.profiles["p" + name] = {"targets": [{"trunk": name}]}
            t.routes.append({"name": "r" + name, "from": "pbx-" + a, "prefix": "+44%d" % names.index(b), "profile": "p" + name})
    t.start()
    for a in names:
        play_row(t, a, names, boxes[names.index(a)], carrier, first)
    t.cdrs = len(names) ** 2
    t.until(lambda: len(t.cdr()) == t.cdrs, 15)
    for record in t.cdr():
        a, b = (names[int(record["trunk"][i])] for i in (1, 2))
        said = record["media"]
        want = [{"plain": "info"}.get(way, way) for way in (a, b)]
        assert [said["dtmf_in"], said["dtmf_out"]] == want, (a, b, said)
        turned = a != b
        assert said["digits"] == (24 if turned else 0), (a, b, said)
    check_secret(t)


def play_row(t, a, names, raw, carrier, first):
    """The calls of one PBX, all at once."""
    inside = (t.ip(3), 5060)
    calls = []
    for b in names:
        name = "c%d%d" % (names.index(a), names.index(b))
        me = Party(t, raw, a, 21000 + 2 * names.index(b))
        call_id = "row-%s-%s" % (a, b)
        raw.say(raw.begin("INVITE", "+44%d71838750" % names.index(b), inside, call_id, tag=call_id, body=me.sdp()), inside)
        found = lambda: [m for m in raw.messages() if m.way == "in" and m.code == 200 and m["Call-ID"] == call_id]  # noqa: E731, B023
        assert t.until(found, 15), "%s to %s: no answer" % (a, b)
        ok = found()[0]
        me.aim(ok.body)
        raw.say(raw.follow(ok, "ACK", 1), inside)
        calls.append((me, carrier[name], ok, first[name]))
    by_call = {ok["Call-ID"]: me for me, _, ok, _ in calls}
    raw.answers["INFO"] = lambda r, m: by_call[m["Call-ID"]].on_info(r, m)
    outside = (t.ip(4), 5060)
    for me, other, ok, invite in calls:
        for party in (me, other):
            party.rtp.got.clear()
            if party.way not in ("info", "plain"):
                party.rtp.type(TYPED, ON)
    typed_infos(t, [(me, ok, inside) for me, _, ok, _ in calls if me.way in ("info", "plain")] +
                [(other, invite, outside) for _, other, _, invite in calls if other.way in ("info", "plain")])
    for me, other, _, _ in calls:
        me.rtp.wait()
        other.rtp.wait()
    for me, other, _, _ in calls:
        for x, y in ((me, other), (other, me)):
            t.until(lambda: len(y.heard()) >= len(TYPED), 15)  # noqa: B023
    time.sleep(0.5)  # the last one's end, and whatever must not come behind it
    for me, other, _, _ in calls:
        exact(me, other)
        exact(other, me)
    live = json.loads(t.verb("calls", "--json"))["calls"]
    assert {(c["dtmf_in"], c["dtmf_out"]) for c in live} == {({"plain": "info"}.get(a, a), w) for w in ("rfc4733", "info", "inband")}, live
    check_trace(t, next(c["call"] for c in live if c["trunk"].endswith("1")))
    for me, other, ok, _ in calls:
        raw.say(raw.follow(ok, "BYE", 90), inside)
        me.rtp.stop()
        other.rtp.stop()


def typed_infos(t, parties):
    """Each its twelve, one at a time, with the next after the answer."""
    for i, key in enumerate(TYPED):
        asked = []
        for party, dialog, to in parties:
            body = key if party.way == "plain" else "Signal= %s\r\nDuration= %d\r\n" % (key, ON[i % len(ON)])
            text = party.raw.follow(dialog, "INFO", 10 + i, body=body)
            party.raw.say(text.replace("application/sdp", PLAIN if party.way == "plain" else RELAY), to)
            asked.append((party, dialog["Call-ID"], "%d INFO" % (10 + i)))
        for party, call_id, cseq in asked:
            found = lambda: [m for m in party.raw.messages() if m.way == "in" and m.code and m["CSeq"] == cseq and m["Call-ID"] == call_id]  # noqa: E731, B023
            assert t.until(found, 15) and found()[0].code == 200, "%s: INFO %s: %s" % (party.way, key, [m.text for m in found()])


def exact(x, y):
    heard = y.heard()
    assert "".join(k for k, _ in heard) == TYPED, "%s to %s: %s" % (x.way, y.way, heard)
    if "plain" in (x.way, y.way) or x.rtp.stalled:
        return  # there are no lengths, or another's
    for i, (key, ms) in enumerate(heard):
        assert abs(ms - ON[i % len(ON)]) <= 25, "%s to %s: %s" % (x.way, y.way, heard)


def check_secret(t):
    """Neither log nor CDR holds a digit."""
    assert "Signal=" not in t.log_text() and "Signal=" not in json.dumps(t.cdr())


def check_trace(t, call):
    """Nor what a trace keeps of a living call."""
    said = t.verb("trace", call)
    assert re.search(r"Signal=\*+\s+Duration=\*+", said), said[-3000:]
    assert not re.search(r"Signal= ?[0-9#]", said), said
