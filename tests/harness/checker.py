# SPDX-License-Identifier: MIT
"""checker: reads what one peer of kedge heard and said, and judges kedge's part against RFC 3261 (dialogs, transactions), 3262 (reliable provisional answers) and
3264 (offer and answer). faults(peer) gives a line per fault; the peer's own errors are not judged, they are context.

Seen from the peer: "in" came from kedge. One Call-ID at a time; within it kedge is the caller (it sent the first INVITE) or the called side."""
import re


def faults(peer, forks=False, ended=True):
    """forks: several To-tags may answer one INVITE. ended: all calls are over, so that what is owed must have come."""
    found, calls = [], {}
    for m in peer.messages():
        if m["Call-ID"]:
            calls.setdefault(m["Call-ID"], []).append(m)
    for messages in calls.values():
        first = next((m for m in messages if m.request and m.method == "INVITE"), None)
        if first is None or not sane(messages):
            continue
        check = (Calling if first.way == "in" else Called)(messages, first, forks, ended)
        found += ["%s: %s" % (peer.name, f) for f in check.run()]
    return found


def sane(messages):
    """What this reads at all: a peer that sends broken headers on purpose is none of it."""
    return all(m["CSeq"] and re.match(r"\d+ \w+", m["CSeq"]) and m["Via"] and m["From"] and m["To"] for m in messages)


def tag_of(value):
    found = re.search(r";\s*tag\s*=\s*([^;>\s]+)", value or "")
    return found.group(1) if found else None


def words(cseq):
    """As it is meant: "0009  INVITE" is "9 INVITE"."""
    return " ".join(cseq.split()).lstrip("0")


def seq(m):
    return int(m["CSeq"].split()[0])


def branch(m):
    found = re.search(r"branch=([^;,\s]+)", m["Via"])
    return found.group(1) if found else None


def has(m, header, token):
    return any(token in re.split(r"[\s,]+", v) for v in m.all(header))


def sdp(m):
    kind = m["Content-Type"] or m["c"] or ""
    return m.body if m.body.strip() and kind.startswith("application/sdp") else None


def is_hop(value):
    return re.sub(r";\s*(received|rport)(=[^;]*)?", "", value).replace(" ", "")


class Lines:
    """An SDP body as far as RFC 3264 cares."""

    def __init__(self, text):
        self.text = text
        self.origin = re.search(r"^o=\S+ (\d+) (\d+) ", text, re.M)
        self.media = re.findall(r"^m=(\S+) (\d+)(?:/\d+)? (\S+) (.*?)\r?$", text, re.M)

    def answers(self, offer):
        if len(self.media) != len(offer.media):
            return "%d m-lines answer %d" % (len(self.media), len(offer.media))
        for (kind, port, proto, pts), (okind, oport, oproto, opts) in zip(self.media, offer.media):
            if kind != okind or proto != oproto:
                return "m=%s %s answers m=%s %s" % (kind, proto, okind, oproto)
            if int(port) and not int(oport):
                return "a rejected line is answered with a port"
            if int(port) and not set(pts.split()) & set(opts.split()):
                return "types %s answer %s" % (pts, opts)
        return None


class Call:
    def __init__(self, messages, first, forks, ended):
        self.messages, self.first, self.forks, self.ended = messages, first, forks, ended
        self.found = []
        self.origin = None          # last o= of kedge: id, version, body
        self.heard = {}             # requests of the peer by hop and method

    def bad(self, m, text):
        self.found.append("%s [%r, Call-ID %s]" % (text, m, m["Call-ID"]))

    def run(self):
        for m in self.messages:
            if m.way == "in":
                self.anything(m)
                self.request(m) if m.request else self.response(m)
            elif m.request:
                self.heard[(is_hop(m["Via"]), m.method)] = m
                self.peer_request(m)
            else:
                self.peer_response(m)
        if self.ended:
            self.end()
        return self.found

    def anything(self, m):
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            if len(m.all(name)) != 1 and name != "Via":
                self.bad(m, "%d %s headers" % (len(m.all(name)), name))
        if m.request:
            if not (branch(m) or "").startswith("z9hG4bK"):
                self.bad(m, "no branch of RFC 3261")
            # The library itself ends the dialog of a second phone behind a 2xx: without it, and with the last CSeq there is.
            if m["Max-Forwards"] is None and m.method != "ACK" and seq(m) != 2 ** 31 - 1:
                self.bad(m, "no Max-Forwards")
            if m["CSeq"].split()[1] != m.method:
                self.bad(m, "CSeq of another method")
        else:
            asked = self.heard.get((is_hop(m["Via"]), m.method))
            if asked is None:
                self.bad(m, "an answer nobody asked for (Via)")
            elif (tag_of(asked["From"]), words(asked["CSeq"])) != (tag_of(m["From"]), words(m["CSeq"])):
                self.bad(m, "tag in From or CSeq is not the request's")
            elif tag_of(asked["To"]) and tag_of(asked["To"]) != m.to_tag:
                self.bad(m, "To-tag is not the request's")
        length, size = m["Content-Length"], len(m.body.replace("\n", "\r\n").encode())
        if length == "0":               # what SIPp's trace has behind it is its own
            return
        if length is not None and int(length) not in (size, size - 2):
            self.bad(m, "Content-Length %s of %d" % (length, size))
        if m.body.strip() and not m["Content-Type"]:
            self.bad(m, "a body without Content-Type")
        if sdp(m):
            self.check_origin(m)

    def check_origin(self, m):
        """o= of one leg: one id; a changed body is one version more (RFC 3264 8)."""
        now = Lines(m.body)
        if not now.origin:
            self.bad(m, "SDP without o=")
            return
        number, version = int(now.origin.group(1)), int(now.origin.group(2))
        rest = re.sub(r"^o=.*$", "", m.body, flags=re.M)
        if self.origin and not (self.forks and number != self.origin[0]):
            if number != self.origin[0]:
                self.bad(m, "another session id in o=")
            elif version not in (self.origin[1], self.origin[1] + 1):
                self.bad(m, "o= version %d behind %d" % (version, self.origin[1]))
            elif (version == self.origin[1]) != (rest == self.origin[2]):
                self.bad(m, "o= version %d behind %d, and the body %s" % (version, self.origin[1], "changed" if rest != self.origin[2] else "is the same"))
        self.origin = (number, version, rest)

    def request(self, m):
        pass

    def response(self, m):
        pass

    def peer_request(self, m):
        pass

    def peer_response(self, m):
        pass

    def end(self):
        pass


class Exchange:
    """Offers and answers of one dialog: who has one open, and what it is."""

    def __init__(self):
        self.open = None            # way of the offer without an answer, and the message
        self.settled = False

    def offer(self, m, bad):
        if self.open:
            bad(m, "an offer while one is open")
        self.open = m

    def answer(self, m, bad):
        if self.open is None:
            bad(m, "an answer without an offer")
            return
        wrong = Lines(m.body).answers(Lines(self.open.body))
        if wrong:
            bad(m, wrong)
        self.open, self.settled = None, True


class Called(Call):
    """The peer called kedge."""

    def __init__(self, *args):
        super().__init__(*args)
        self.transactions = {}      # by hop: state of an INVITE of the peer
        self.last_own = {}          # CSeq of kedge's requests by dialog
        self.known = set()          # hops of kedge's requests
        self.confirmed = {}         # To-tag -> whether ACKed

    def peer_request(self, m):
        if m.method == "INVITE":
            self.transactions.setdefault(is_hop(m["Via"]), dict(invite=m, final=None, heard=False, tags=[], rseq={}, pracked=set(), reliable=[], answer=None, told=None,
                                                                early=tag_of(m["To"]) is None))
        elif m.method == "PRACK" and m["RAck"]:
            number, cseq, _ = m["RAck"].split()
            for t in self.transactions.values():
                if seq(t["invite"]) == int(cseq):
                    t["pracked"].add((m.to_tag, int(number)))
        elif m.method == "ACK":
            self.confirmed[m.to_tag] = True

    def of(self, m):
        return self.transactions.get(is_hop(m["Via"]))

    def response(self, m):
        t = self.of(m)
        if m.method != "INVITE" or t is None:
            return
        t["heard"] = True
        if m.code > 100 and not m.to_tag:
            self.bad(m, "no To-tag")
        if 100 < m.code < 300 and not m["Contact"]:
            self.bad(m, "no Contact where a dialog is made")
        if t["final"]:
            if m.code < 200:
                self.bad(m, "a provisional answer behind the final one")
            elif (m.code, m.to_tag, m.body) != (t["final"].code, t["final"].to_tag, t["final"].body):
                self.bad(m, "a second final answer")
            return
        if m.code > 100:
            if m.to_tag not in t["tags"]:
                t["tags"].append(m.to_tag)
            if len(t["tags"]) > 1 and not self.forks:
                self.bad(m, "another To-tag")
        if m.code < 200:
            self.provisional(t, m)
        else:
            self.final(t, m)
        self.bodies(t, m)

    def provisional(self, t, m):
        if m.code == 100:
            return
        reliable = has(m, "Require", "100rel")
        can = has(t["invite"], "Supported", "100rel") or has(t["invite"], "k", "100rel")
        must = has(t["invite"], "Require", "100rel")
        if reliable != (m["RSeq"] is not None):
            self.bad(m, "RSeq and Require: 100rel belong together")
        elif reliable and not (can or must):
            self.bad(m, "reliable, but the caller cannot")
        elif must and not reliable:
            self.bad(m, "not reliable, but the caller requires it")
        elif reliable:
            self.reliable(t, m)

    def reliable(self, t, m):
        number, last = int(m["RSeq"]), t["rseq"].get("last")
        again = next((r for r in t["reliable"] if int(r["RSeq"]) == number), None)
        if again is not None:
            if again.text != m.text:
                self.bad(m, "another message with the same RSeq")
            if (m.to_tag, number) in t["pracked"] and m.when - again.when > 0.6:
                self.bad(m, "repeated though it was acknowledged")
            return
        if not 1 <= number < 2 ** 31:
            self.bad(m, "RSeq out of range")
        if last is not None and number != last + 1:
            self.bad(m, "RSeq %d behind %d" % (number, last))
        if t["reliable"] and not t["pracked"]:
            self.bad(m, "a second reliable one before the first was acknowledged")
        t["rseq"]["last"] = number
        t["reliable"].append(m)

    def final(self, t, m):
        t["final"] = m
        if m.code < 300:
            for r in t["reliable"]:
                if sdp(r) and (r.to_tag, int(r["RSeq"])) not in t["pracked"]:
                    self.bad(m, "2xx before the PRACK of a reliable answer with SDP")

    def bodies(self, t, m):
        """The answer to the INVITE's offer, or the offer where it had none."""
        if not sdp(m):
            if 200 <= m.code < 300 and not any(sdp(r) for r in t["reliable"] if r.to_tag == m.to_tag):
                self.bad(m, "2xx without SDP, and none was said reliably")
            return
        firm = m.code >= 200 or m["RSeq"]
        told = t["told"]
        if told and told.to_tag == m.to_tag and Lines(told.body).text != Lines(m.body).text:
            self.bad(m, "another SDP than the one said before")
        if told and told["RSeq"] and m is not told and told.to_tag == m.to_tag and m["RSeq"] != told["RSeq"]:
            self.bad(m, "SDP again, though it was said reliably")
        offer = sdp(t["invite"])
        if offer:
            wrong = Lines(m.body).answers(Lines(offer))
            if wrong:
                self.bad(m, wrong)
        elif not firm:
            self.bad(m, "an offer in an answer that is not reliable")
        t["told"] = m

    def request(self, m):
        if (m["Via"], m.method) in self.known:
            return
        self.known.add((m["Via"], m.method))
        dialog = tag_of(m["From"])
        if m.method not in ("ACK", "CANCEL"):
            if seq(m) <= self.last_own.get(dialog, -1):
                self.bad(m, "CSeq does not grow")
            self.last_own[dialog] = seq(m)
        if m.method == "BYE" and not self.confirmed.get(dialog) and self.ended:
            t = next((t for t in self.transactions.values() if t["early"] and t["final"]), None)
            if t and t["final"].code < 300 and m.when - t["final"].when < 1:
                self.bad(m, "BYE before the ACK of its 2xx")

    def end(self):
        for t in self.transactions.values():
            if t["heard"] and not t["final"]:
                self.bad(t["invite"], "never got a final answer")


class Calling(Call):
    """kedge called the peer."""

    def __init__(self, *args):
        super().__init__(*args)
        self.invites = {}           # by branch
        self.last_own = {}          # CSeq by dialog (the peer's tag)
        self.known = set()
        self.reliable = {}          # (tag, CSeq of the INVITE) -> RSeqs of the peer in order
        self.acked = {}             # RAck -> PRACK
        self.finals = []            # of the peer to INVITEs of kedge
        self.acks = set()
        self.left = False           # a BYE was said

    def peer_request(self, m):
        self.left = self.left or m.method == "BYE"

    def peer_response(self, m):
        invite = self.invites.get(branch(m))
        if m.method != "INVITE" or invite is None:
            return
        if m.code < 200 and m["RSeq"] and has(m, "Require", "100rel"):
            self.reliable.setdefault((m.to_tag, seq(m)), []).append(int(m["RSeq"]))
        if m.code >= 100:
            invite["heard"] = True
        if m.code >= 200:
            invite["final"] = invite["final"] or m
            if not self.left:           # behind a BYE an answer to a re-INVITE may find nobody
                self.finals.append(m)

    def request(self, m):
        key = (m["Via"], m.method)
        if key in self.known:
            return
        self.known.add(key)
        self.left = self.left or m.method == "BYE"
        to, ours = tag_of(m["To"]), tag_of(m["From"])
        if not ours:
            self.bad(m, "no tag in From")
        if ours != tag_of(self.first["From"]) and self.first.way == "in":
            self.bad(m, "another tag of kedge's in one Call-ID")
        if m.method == "INVITE":
            self.invites[branch(m)] = dict(invite=m, heard=False, final=None)
            if not m["Contact"]:
                self.bad(m, "INVITE without Contact")
        if m.method == "CANCEL":
            self.cancel(m)
        elif m.method == "ACK":
            self.ack(m)
        else:
            if m is not self.first and not to:
                self.bad(m, "a request inside the dialog without To-tag")
            last = self.last_own.get(to, seq(self.first) if m is not self.first else -1)
            if seq(m) <= last:
                self.bad(m, "CSeq %d behind %d" % (seq(m), last))
            self.last_own[to] = seq(m)
        if m.method == "PRACK":
            self.prack(m)

    def cancel(self, m):
        i = self.invites.get(branch(m))
        if i is None:
            self.bad(m, "CANCEL of no INVITE (branch)")
            return
        first = i["invite"]
        for name in ("From", "To", "Call-ID", "Via"):
            if m[name] != first[name]:
                self.bad(m, "CANCEL with another %s" % name)
        if m.uri != first.uri or seq(m) != seq(first):
            self.bad(m, "CANCEL with another Request-URI or CSeq")
        if m["Route"] != first["Route"]:
            self.bad(m, "CANCEL with another Route")
        if not i["heard"]:
            self.bad(m, "CANCEL before any provisional answer")

    def ack(self, m):
        self.acks.add((seq(m), tag_of(m["To"])))
        i = self.invites.get(branch(m))
        if not any(seq(f) == seq(m) and f.to_tag == tag_of(m["To"]) for f in self.finals):
            self.bad(m, "ACK of no final answer (CSeq, To-tag)")
        elif i and i["final"] and i["final"].code < 300:
            self.bad(m, "ACK of a 2xx in the branch of the INVITE")
        elif not i and all(f.code >= 300 for f in self.finals if seq(f) == seq(m) and f.to_tag == tag_of(m["To"])):
            self.bad(m, "ACK of a failure in a branch of its own")

    def prack(self, m):
        rack = m["RAck"]
        if not rack or not re.match(r"\d+ \d+ INVITE$", rack):
            self.bad(m, "PRACK without a good RAck")
            return
        number, cseq = int(rack.split()[0]), int(rack.split()[1])
        said = self.reliable.get((tag_of(m["To"]), cseq), [])
        done = self.acked.setdefault((tag_of(m["To"]), cseq), [])
        if number not in said:
            self.bad(m, "PRACK of nothing said in that dialog")
        elif number in done:
            self.bad(m, "a second PRACK of the same answer")
        elif done and number != done[-1] + 1:
            self.bad(m, "PRACK over a gap")
        done.append(number)

    def end(self):
        for f in self.finals:
            if (seq(f), f.to_tag) not in self.acks:
                self.bad(f, "no ACK of this final answer")
