# SPDX-License-Identifier: MIT
"""flow: a call flow as the RFCs draw it, a line per message, played against kedge by bare parties (Raw, Stream) that do nothing by themselves.

    pbx > INVITE                 the PBX sends one, with SDP
    ca < INVITE                  and this is what the carrier receives next; anything else fails the flow
    ca > 200 recvonly | Record-Route: <sip:ss2.example.com;lr>
    pbx < 200 recvonly | ^Server

Who: a name of Flows.parties. What: a method or a code. Words behind it: of the SDP: bare (none), sdp (an ACK with one), sendonly, recvonly, inactive, pcma, moved
(another address), video; of the dialog: again (the message goes outside the dialog anew). Behind the bar, sending: headers, one more bar between two; receiving: a regexp
that must be found in the message (after `!`: must not; after `=`: no regexp, a text). INVITE, 183 and 200 to an INVITE carry SDP unless bare; a received word must be found in the body.

Not written: 100, probes (answered by themselves), and what was heard before (retransmissions). What comes and is not written fails the flow that it disturbs."""
import re
import time

UP = """
    pbx > INVITE
    ca < INVITE
    ca > 180
    pbx < 180
    ca > 200
    pbx < 200
    pbx > ACK
    ca < ACK
"""
CALLER_ENDS = """
    pbx > BYE
    pbx < 200
    ca < BYE
    ca > 200
"""
SKIP = ("OPTIONS",)


class Party:
    """What one side of one dialog knows."""

    def __init__(self, raw, name, to):
        self.raw, self.name, self.to = raw, name, to
        self.at, self.heard = 0, set()

    def begin(self, number, call_id):
        self.number, self.call_id, self.cseq = number, call_id, 0
        self.invite = self.asked = self.last = None  # our INVITE's text; the request to answer; the INVITE of theirs
        self.tag, self.local, self.far, self.target, self.routes = "t" + call_id, None, None, None, []
        self.version = 1

    # ---- sending ----

    def sdp(self, words):
        v = 6 if ":" in self.raw.ip else 4
        direction = next((w for w in words if w in ("sendonly", "recvonly", "inactive")), "sendrecv")
        media = "video 21000 RTP/AVP 96\r\na=rtpmap:96 H264/90000" if "video" in words else "audio 21000 RTP/AVP %d" % (8 if "pcma" in words else 0)
        ip = ("::2" if v == 6 else re.sub(r"\.\d+$", ".77", self.raw.ip)) if "moved" in words else self.raw.ip
        self.version += 1
        return "v=0\r\no=%s %d %d IN IP%d %s\r\ns=call at %s\r\nc=IN IP%d %s\r\nt=0 0\r\nm=%s\r\na=%s\r\n" % (
            self.name, 4000 + len(self.name), self.version, v, ip, self.name, v, ip, media, direction)

    def request(self, method, words, headers):
        carries = (method == "INVITE" and "bare" not in words) or "sdp" in words
        body = self.sdp(words) if carries else ""
        if method in ("ACK", "CANCEL") and self.invite and not (method == "ACK" and self.answered):
            return self.of_invite(method)
        self.cseq += method != "ACK"
        if self.target is None:
            host = "[%s]" % self.to[0] if ":" in self.to[0] else self.to[0]
            self.local = "<sip:+442071838759@%s>;tag=%s" % (self.raw.here, self.tag)
            self.far = "<sip:%s@%s>" % (self.number, host)
            uri = "sip:%s@%s:%d" % (self.number, host, self.to[1])
        else:
            uri = self.target
        routes = ["Route: " + r for r in self.routes]
        text = self.raw.compose(method, uri, self.local, self.far, self.call_id, self.cseq_of(method), body, None, routes + headers)
        if method == "INVITE":
            self.invite, self.invite_cseq, self.answered = text, self.cseq, False
        return text

    def cseq_of(self, method):
        return self.invite_cseq if method == "ACK" else self.cseq

    def of_invite(self, method):
        """CANCEL, or the ACK of a refusal: of the INVITE's own transaction."""
        head = self.invite.partition("\r\n\r\n")[0].split("\r\n")
        keep = [h for h in head[1:] if h.split(":")[0] in ("Via", "From", "Call-ID", "Max-Forwards", "Route")]
        to = self.far if method == "ACK" else next(h for h in head if h.startswith("To:"))[4:]
        return "\r\n".join([head[0].replace("INVITE", method, 1), *keep, "To: " + to, "CSeq: %d %s" % (self.invite_cseq, method), "Content-Length: 0", "", ""])

    def response(self, m, code, words, headers):
        sdp = m.method == "INVITE" and code in (183, 200) and "bare" not in words
        body = self.sdp(words) if sdp else ""
        keep = ["%s: %s" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id", "record-route", "cseq")]
        to = m["To"] + ("" if m.to_tag or code == 100 else ";tag=" + self.tag)
        lines = ["SIP/2.0 %d Said" % code, *keep, "To: " + to]
        if not any(h.startswith("Contact") for h in headers):
            lines.append("Contact: <sip:%s@%s%s>" % (self.name, self.raw.here, self.raw.contact))
        lines += headers + (["Content-Type: application/sdp"] if sdp else []) + ["Content-Length: %d" % len(body)]
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def send(self, what, words, headers):
        if what.isdigit():
            m = self.last if (int(what) > 100 and self.asked.method in ("CANCEL", "INVITE") and int(what) in (487, 408)) else self.asked
            self.raw.say(self.response(m, int(what), words, headers), m.source)
            if self.asked is m and int(what) >= 200 and self.last is not m:
                self.asked = self.last
        else:
            self.raw.say(self.request(what, words, headers), self.where())

    def where(self):
        if self.raw.proto == "UDP":
            return self.to
        if not getattr(self, "link", None) or self.link not in self.raw.links:
            self.link = self.raw.connect(self.to)
        return self.link

    # ---- hearing ----

    def next(self, seconds):
        """The next message that is new here, None if none came in time."""
        end = time.monotonic() + seconds
        while True:
            messages = self.raw.messages()
            while self.at < len(messages):
                m = messages[self.at]
                self.at += 1
                if m.way == "in" and not self.known(m):
                    return m
            if time.monotonic() > end:
                return None
            time.sleep(0.002)

    def known(self, m):
        name = (m.first, m["Via"], m["CSeq"], m["Call-ID"], m.to_tag)
        if m.code == 100 or m.method in SKIP or name in self.heard:
            return True
        self.heard.add(name)
        return False

    def receive(self, what, words, regexp):
        m = self.next(10)
        assert m, "%s heard nothing where %s is due" % (self.name, what)
        assert m.first.startswith("SIP/2.0 %s " % what if what.isdigit() else what + " "), "%s is due at %s, there came\n%s" % (what, self.name, m.text)
        for word in words:
            found = {"bare": not m.body, "sdp": "m=audio" in m.body, "pcma": re.search(r"m=audio \d+ RTP/AVP 8\b", m.body)}.get(word, "a=" + word in m.body)
            assert found, "%s: no %s in\n%s" % (self.name, word, m.text)
        for r in regexp:
            found = r[1:] in m.text if r[0] == "=" else re.search(r.lstrip("!"), m.text, re.M | re.S)
            assert bool(found) == (r[0] != "!"), "%s: %s in\n%s" % (self.name, r, m.text)
        self.learn(m)

    def learn(self, m):
        contact = re.search(r"<(.*?)>", m["Contact"] or "")
        if m.request:
            self.asked = m
            if m.method == "INVITE":
                self.last = m
                if self.target is None or self.invite is None:
                    self.call_id, self.far, self.local = m["Call-ID"], m["From"], m["To"] + ("" if m.to_tag else ";tag=" + self.tag)
                    self.routes = m.all("Record-Route")
                self.target = contact.group(1)
        elif m.method == "INVITE":
            self.far = m["To"] if m.to_tag else self.far
            self.answered = m.code < 300
            if contact and m.code < 300:
                self.target, self.routes = contact.group(1), list(reversed(m.all("Record-Route")))


class Flows:
    """parties: {name: (Raw or Stream, kedge's address on its side)}."""

    def __init__(self, t, parties):
        self.t, self.parties, self.played = t, {n: Party(raw, n, to) for n, (raw, to) in parties.items()}, 0

    def play(self, title, number, text):
        """One flow; an assertion names its line. number: what is called, or {party: what it calls, "": the others}."""
        self.played += 1
        numbers = number if isinstance(number, dict) else {"": number}
        for name, p in self.parties.items():
            p.begin(numbers.get(name, numbers[""]), "f%d-%s" % (self.played, name))
        for line in filter(None, map(str.strip, text.strip().split("\n"))):
            try:
                self.step(line)
            except AssertionError as e:
                raise AssertionError("%s, at `%s`:\n%s" % (title, line, e)) from None
        self.quiet(title)

    def step(self, line):
        left, *extra = line.split(" | ")
        who, way, what, *words = left.split()
        p = self.parties[who]
        if way == ">":
            p.send(what, words, extra)
        else:
            p.receive(what, words, extra)

    def quiet(self, title):
        """Nobody hears more than was written."""
        for p in self.parties.values():
            m = p.next(0.02)
            assert m is None, "%s: %s heard more than is written:\n%s" % (title, p.name, m.text)
