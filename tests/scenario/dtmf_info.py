# SPDX-License-Identifier: MIT
"""dtmf_info (A100): digits of a PBX that sends SIP INFO, and of carriers that want it. In early media they count. A primary with INFO and a second carrier with RFC 4733: the
PBX keeps its one answer with telephone-event, and each carrier has its digits in its own way. An INVITE without an offer agrees likewise. An INFO that is refused delays no
other; a bad one gets 400, one that repeats what came as an event goes nowhere; what is no digit passes as it came."""
import re
import time

from digits import Digits

TYPED = "1234567890*#"
RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"


def sdp(raw, port, event):
    return raw.sdp("0 101", port) + "a=rtpmap:101 telephone-event/8000\r\n" if event else raw.sdp("0", port)


def answer(raw, m, code, body):
    keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id"))
    raw.say("SIP/2.0 %d Said\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\n%sContent-Length: %d\r\n\r\n%s" % (
        code, keep, m["To"], m["CSeq"], raw.here, "Content-Type: application/sdp\r\n" if body else "", len(body), body), m.source)


def aim(end, body):
    end.aim((re.search(r"c=IN IP4 (\S+)", body).group(1), int(re.search(r"m=audio (\d+)", body).group(1))))


def has_events(m):
    return "telephone-event" in m.body


class World:
    def __init__(self, t):
        self.t, self.inside, self.outside, self.cseq = t, (t.ip(3), 5060), (t.ip(4), 5060), 10

    def heard(self, raw, code, call_id, method="INVITE"):
        found = lambda: [m for m in raw.messages() if m.way == "in" and m.code == code and m["Call-ID"] == call_id and m["CSeq"].endswith(method)]  # noqa: E731
        assert self.t.until(found, 15), "no %d in %s" % (code, call_id)
        return found()[-1]

    def info(self, raw, dialog, body, type=RELAY, to=None):
        """Sends one; its answer's code."""
        self.cseq += 1
        raw.say(raw.follow(dialog, "INFO", self.cseq, body=body).replace("application/sdp", type), to or self.inside)
        said = "%d INFO" % self.cseq
        found = lambda: [m for m in raw.messages() if m.way == "in" and m.code and m.code >= 200 and m["CSeq"] == said and m["Call-ID"] == dialog["Call-ID"]]  # noqa: E731
        assert self.t.until(found, 15), "INFO: no answer"
        return found()[0].code


def scenario(t):
    t.audio_strict = False
    ends, said = {}, {}

    def menu(raw, m):  # early media, then it fails when told to
        said[raw.name] = m
        ends[raw.name] = Digits(raw.ip, 21000)
        answer(raw, m, 183, sdp(raw, 21000, has_events(m)))
        aim(ends[raw.name], m.body)

    def takes(raw, m):
        said[raw.name] = m
        ends[raw.name] = Digits(raw.ip, 21000)
        answer(raw, m, 200, sdp(raw, 21000, has_events(m)))
        aim(ends[raw.name], m.body)

    t.trunk("events", "pbx", 1, sources=["%s/32" % t.ip(1, 1)])
    t.trunk("infos", "pbx", 2, sources=["%s/32" % t.ip(1, 2)], dtmf="info")
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": menu}, dtmf="info", dtmf_info="plain")
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": takes, "BYE": 200}, dtmf="rfc4733")
    cc = t.silent("cc", {"OPTIONS": 200, "INVITE": menu, "BYE": 200})
    cd = t.silent("cd", {"OPTIONS": 200, "INVITE": takes, "BYE": 200}, dtmf="info")
    t.profiles = {"fails": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "early": {"targets": [{"trunk": "cc"}]}, "info": {"targets": [{"trunk": "cd"}]}}
    t.routes = [{"name": "fails", "from": "events", "prefix": "+441", "profile": "fails"}, {"name": "info", "from": "events", "prefix": "+442", "profile": "info"},
                {"name": "early", "from": "infos", "profile": "early"}]
    t.start()
    w = World(t)
    raw, other = t.tool("box", host=1, port=5062), t.tool("box2", host=2, port=5062)
    over_a_failover(t, w, raw, ca, cb, ends, said)
    in_early_media(t, w, other, cc, ends, said)
    without_an_offer(t, w, other, cc, ends, said)
    to_a_carrier(t, w, raw, cd, ends, said)
    no_more_events(t, w, raw, ca, ends, said)
    t.cdrs = 5


def over_a_failover(t, w, raw, ca, cb, ends, said):
    raw.say(raw.begin("INVITE", "+441071838750", w.inside, "one", tag="one", body=sdp(raw, 21000, True)), w.inside)
    early = w.heard(raw, 183, "one")
    assert has_events(early) and not has_events(said["ca"])
    pbx = Digits(raw.ip, 21000)
    aim(pbx, early.body)
    ca.reply(said["ca"], 503)
    ok = w.heard(raw, 200, "one")
    assert has_events(said["cb"]) and re.search(r"m=audio.*", ok.body).group(0) == re.search(r"m=audio.*", early.body).group(0)
    raw.say(raw.follow(ok, "ACK", 1), w.inside)
    for end in (pbx, ends["cb"]):
        end.type(TYPED)
    for end in (pbx, ends["cb"]):
        assert t.until(lambda: keys(end) == TYPED, 15), end.events()  # noqa: B023
    raw.say(raw.follow(ok, "BYE", 2), w.inside)
    close(ends, pbx)


def in_early_media(t, w, raw, cc, ends, said):
    raw.say(raw.begin("INVITE", "+443071838750", w.inside, "two", tag="two", body=sdp(raw, 21000, True)), w.inside)
    early = w.heard(raw, 183, "two")
    assert not has_events(early) and has_events(said["cc"])
    for key in "12":
        assert w.info(raw, early, "Signal=%s\r\nDuration=240\r\n" % key) == 200
    assert t.until(lambda: keys(ends["cc"]) == "12", 15), ends["cc"].events()
    answer(cc, said["cc"], 200, sdp(cc, 21000, True))
    ok = w.heard(raw, 200, "two")
    raw.say(raw.follow(ok, "ACK", 1), w.inside)
    for body, type in (("Signal=55\r\n", RELAY), ("Duration=100\r\n", RELAY), ("x", PLAIN)):
        assert w.info(raw, ok, body, type) == 400, body
    assert w.info(raw, ok, "3", PLAIN) == 200
    cc.answers["INFO"] = 200
    assert w.info(raw, ok, "<media_control/>", "application/media_control+xml") == 200 and cc.got("INFO")[-1].body.startswith("<media")
    assert t.until(lambda: keys(ends["cc"]) == "123", 15)
    time.sleep(0.2)
    assert [ms for _, ms in ends["cc"].events()] == [240, 240, 100], ends["cc"].events()
    raw.say(raw.follow(ok, "BYE", 90), w.inside)
    close(ends)


def without_an_offer(t, w, raw, cc, ends, said):
    raw.say(raw.begin("INVITE", "+443071838750", w.inside, "three", tag="three"), w.inside)
    assert t.until(lambda: said["cc"]["Call-ID"] and "cc" in ends, 15)
    assert has_events(said["cc"])
    answer(cc, said["cc"], 200, sdp(cc, 21000, True))
    ok = w.heard(raw, 200, "three")
    assert ok.body and not has_events(ok)
    raw.say(raw.follow(ok, "ACK", 1, body=sdp(raw, 21000, False)), w.inside)
    assert t.until(lambda: cc.got("ACK"), 15)
    assert w.info(raw, ok, "Signal=*\r\n") == 200
    assert t.until(lambda: keys(ends["cc"]) == "*", 15), ends["cc"].events()
    raw.answers["INFO"] = 200
    ends["cc"].type("7", 160)
    assert t.until(lambda: [m for m in raw.got("INFO") if re.fullmatch(r"Signal=7\nDuration=\d+\n", m.body)], 15), [m.text for m in raw.got("INFO")]
    raw.say(raw.follow(ok, "BYE", 90), w.inside)
    close(ends)


def to_a_carrier(t, w, raw, cd, ends, said):
    raw.say(raw.begin("INVITE", "+442071838750", w.inside, "four", tag="four", body=sdp(raw, 21000, True)), w.inside)
    ok = w.heard(raw, 200, "four")
    raw.say(raw.follow(ok, "ACK", 1), w.inside)
    pbx = Digits(raw.ip, 21000)
    aim(pbx, ok.body)
    cd.answers["INFO"] = lambda r, m: r.later(0.4, lambda: r.reply(m, 500 if "Signal=2" in m.body else 200))
    # it sends each by INFO too, and the first INFO comes before the event: once all the same
    assert w.info(raw, ok, "Signal=1\r\n") == 200
    pbx.type("1234", 100)
    once = lambda: list(dict.fromkeys(re.match(r"Signal=(.)", m.body).group(1) for m in cd.got("INFO")))  # noqa: E731
    assert t.until(lambda: once() == list("1234"), 15), once()
    time.sleep(0.3)
    cseqs = [int(m["CSeq"].split()[0]) for m in cd.got("INFO")]
    assert cseqs == sorted(cseqs) and len(set(cseqs)) == 4
    firsts = lambda: list(dict.fromkeys((m["CSeq"], m.way) for m in cd.messages() if m["CSeq"].endswith("INFO")))  # noqa: E731
    assert t.until(lambda: len(firsts()) == 8, 15)
    assert [m.body[7] for m in cd.got("INFO") if int(m["CSeq"].split()[0]) == cseqs[0]][0] == "1"
    assert [way for _, way in firsts()] == ["in", "out"] * 4, "the next one did not wait for the answer: %s" % firsts()
    # it sends the same keys once more by INFO: heard already
    assert w.info(raw, ok, "Signal=4\r\n") == 200
    # events come from a carrier that was not offered them: not said twice, not said as digits
    assert w.info(cd, said["cd"], "Signal=#\r\nDuration=120\r\n", to=w.outside) == 200
    assert t.until(lambda: keys(pbx) == "#", 15), pbx.events()
    time.sleep(0.3)
    assert len(set(m["CSeq"] for m in cd.got("INFO"))) == 4 and keys(pbx) == "#"
    raw.say(raw.follow(ok, "BYE", 90), w.inside)
    close(ends, pbx)


def no_more_events(t, w, raw, ca, ends, said):
    """Behind an offer without telephone-event its INFOs are all that it types."""
    raw.say(raw.begin("INVITE", "+441071838751", w.inside, "five", tag="five", body=sdp(raw, 21000, True)), w.inside)
    early = w.heard(raw, 183, "five")
    answer(ca, said["ca"], 200, sdp(ca, 21000, False))
    ok = w.heard(raw, 200, "five")
    raw.say(raw.follow(ok, "ACK", 1), w.inside)
    pbx = Digits(raw.ip, 21000)
    aim(pbx, early.body)
    ca.answers["INFO"] = ca.answers["BYE"] = 200
    pbx.type("1", 100)
    typed = lambda: "".join(m.body for m in ca.got("INFO"))  # noqa: E731
    assert t.until(lambda: typed() == "1", 15), typed()
    raw.say(raw.follow(ok, "INVITE", 2, body=sdp(raw, 21000, False)), w.inside)
    assert t.until(lambda: w.heard(raw, 200, "five")["CSeq"] == "2 INVITE", 15)
    raw.say(raw.follow(ok, "ACK", 2), w.inside)
    assert w.info(raw, ok, "Signal=5\r\n") == 200
    assert t.until(lambda: typed() == "15", 15), typed()
    raw.say(raw.follow(ok, "BYE", 90), w.inside)
    close(ends, pbx)


def keys(end):
    return "".join(k for k, _ in end.events())


def close(ends, *more):
    for end in (*ends.values(), *more):
        end.stop()
    ends.clear()
