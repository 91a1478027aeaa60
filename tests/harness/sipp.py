# SPDX-License-Identifier: MIT
"""sipp: what a SIPp peer does, step by step, as Python lists; SIPp's XML made from them; SIPp's message trace read back.

A step is made by one of the functions below: recv, send, pause, invite, ack, cancel, bye, request, quiet. A UAS that treats numbers
differently is a dict {ending of the called number: steps, "": steps for the rest}.
"""
import base64
import os
import re
import signal
import subprocess
import time
import zlib

SDP = """v=0
o={name} {sid} {version} IN IP{v} {ip}
s=call at {name}
c=IN IP{v} {connection}
t=0 0
m=audio [auto_media_port] {profile} {pts}
{maps}a=ptime:20
a={direction}
{crypto}"""
KEYS = {"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30, "AES_256_CM_HMAC_SHA1_80": 46, "AES_256_CM_HMAC_SHA1_32": 46,
        "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44}
MAPS = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000", 13: "CN/8000", 18: "G729/8000", 96: "telephone-event/8000", 101: "telephone-event/8000"}


# ---- the words of a scenario ----

def secure(suite="AES_CM_128_HMAC_SHA1_80", tag=1, profile="RTP/SAVP", before=(), **more):
    """A peer's SDP with SRTP, by a new key of its own: for sdp= of a step, or secure= of a whole peer. tag: that of kedge's line it answers, or its own. before: other lines of a=crypto."""
    return dict(srtp=dict(suite=suite, tag=tag, key=base64.b64encode(os.urandom(KEYS[suite])).decode(), before=list(before)), profile=profile, **more)



def recv(what, optional=False, timeout_ms=None, rtp=None, capture=None, next=None):
    """Waits for a request (a name) or a response (a number). rtp: the body's address is where the RTP peer shall speak to;
    by default for every 183, and every 200 to an INVITE that has a body; an ACK has one when it answers a late offer. capture: {name: (header, regexp)} for [$name] in later steps."""
    return dict(op="recv", what=what, optional=optional, timeout_ms=timeout_ms, rtp=rtp, capture=capture or {}, next=next)


def send(code, to=None, reason=None, sdp=None, tag="a", headers=(), speak=None, retrans=None, contact=True):
    """Answers the last request, or the last one named by `to` (an INVITE after a CANCEL). sdp: True or a dict for SDP's fields (pts,
    direction, version, connection), or the whole of it (text, type); by default for 183 and 200 to an INVITE. tag: its To-tag. speak: whether the RTP peer begins then (for a 200: at its ACK)."""
    return dict(op="send", code=code, to=to, reason=reason, sdp=sdp, tag=tag, headers=list(headers), speak=speak, retrans=retrans,
                contact=contact)


def pause(seconds):
    return dict(op="pause", seconds=seconds)


def invite(sdp=True, headers=(), uri=None, max_forwards=70, frm=None):
    """The first one, or inside a dialog a re-INVITE. uri: Request-URI, with [field0] for the called number."""
    return dict(op="invite", sdp=sdp, headers=list(headers), uri=uri, max_forwards=max_forwards, frm=frm)


def ack(sdp=None):
    """To the last final answer of the last INVITE."""
    return dict(op="ack", sdp=sdp)


def cancel():
    return dict(op="cancel")


def bye(rtp=True):
    """Stops this side's RTP, waits until what is under way has arrived, then hangs up. rtp=False: hangs up at once."""
    return dict(op="bye", rtp=rtp)


def request(method, headers=(), uri=None, dialog=True, max_forwards=70):
    """Any other request, inside the dialog or the first of its own."""
    return dict(op="request", method=method, headers=list(headers), uri=uri, dialog=dialog, max_forwards=max_forwards)


def raw(text):
    """A message as it stands, [keywords] filled in."""
    return dict(op="raw", text=text)


def quiet():
    """This side's RTP stops."""
    return dict(op="quiet")


def hangup():
    return [bye(), recv(200)]


def answer(ring=0.02, after=0.05, early=None):
    """A healthy carrier: 100, 180 (or 183 with early media), 200, talks until the other side hangs up."""
    steps = [recv("INVITE"), send(100), pause(ring)]
    steps += [send(183), pause(early)] if early else [send(180), pause(after)]
    return steps + [send(200), recv("ACK"), recv("BYE"), send(200)]


def refuse(code, reason=None, headers=(), ring=None):
    """A carrier that answers 100 and then `code`; ring: 180 first, for so long."""
    steps = [recv("INVITE"), send(100)]
    steps += [send(180), pause(ring)] if ring is not None else []
    return steps + [send(code, reason=reason, headers=headers), recv("ACK")]


def call(talk=1.0):
    """A caller who waits for the answer, talks and hangs up."""
    return [invite(), recv(100, optional=True), recv(180, optional=True), recv(183, optional=True), recv(200), ack(), pause(talk)] + hangup()


def fails(code):
    """A caller who gets this final answer."""
    return [invite(), recv(100, optional=True), recv(180, optional=True), recv(183, optional=True), recv(code), ack()]


# ---- XML ----

REASONS = {100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 404: "Not Found", 403: "Forbidden",
           408: "Request Timeout", 480: "Temporarily Unavailable", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
           500: "Server Internal Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out", 603: "Decline"}
KEEP = {"via": "Via:", "from": "From:", "to": "To:", "cseq": "CSeq:"}


class Xml:
    """One scenario file. side: "uas" or "uac"; at: the peer's address pieces (Peer below)."""

    def __init__(self, name, side, steps, at):
        self.name, self.side, self.at = name, side, at
        self.out, self.vars = [], set()
        self.invites, self.cseq, self.last, self.final, self.heard_invites = 0, 0, None, None, 0
        self.speaks = False
        self.secure = self.theirs()  # what our SDP says of SRTP, the last or the first
        if isinstance(steps, dict):
            self.branches(steps)
        else:
            self.steps(steps)

    def text(self):
        refs = ",".join(sorted(self.vars))
        return ('<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="%s">\n%s\n%s</scenario>\n'
                % (self.name, "\n".join(self.out), '<Reference variables="%s"/>\n' % refs if refs else ""))

    def branches(self, table):
        """A UAS that looks at the called number first."""
        keys = [k for k in table if k]
        acts = [self.ereg(r"INVITE sip:[^@;>]*%s[@;>]" % re.escape(k), "msg", "sel%d" % i) for i, k in enumerate(keys)]
        first = table[keys[0] if keys else ""][0]
        self.recv(first, extra=acts)
        for i in range(len(keys)):
            self.out.append('<nop next="%d" test="sel%d"/>' % (i + 1, i))
        self.rest(table.get("", [first]))
        for i, k in enumerate(keys):
            self.out.append('<label id="%d"/>' % (i + 1))
            self.last, self.heard_invites = "INVITE", 1
            self.rest(table[k])
        self.out.append('<label id="99"/>')

    def rest(self, steps):
        self.steps(steps[1:])
        self.out.append('<nop next="99"/>')

    def steps(self, steps):
        for step in steps:
            getattr(self, step["op"])(step)

    def ereg(self, regexp, where, name, header=None):
        self.vars.add(name)
        head = ' header="%s"' % header if header else ""
        regexp = regexp.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
        group = name
        if "(" in regexp:
            self.vars.add("all")
            group = "all," + name
        return '<ereg regexp="%s" search_in="%s"%s check_it="false" assign_to="%s"/>' % (regexp, where, head, group)

    def theirs(self):
        """The line of a=crypto that the other side's key is in."""
        return (getattr(self.at, "secure", None) or {}).get("srtp")

    def where_to(self):
        """Actions that read the other side's media address, and its key."""
        one = self.theirs()
        key = [self.ereg(r"a=crypto:%d %s inline:([A-Za-z0-9+/=]+)" % (one["tag"], one["suite"]), "body", "key")] if one else []
        return key + [self.ereg(r"c=IN IP[46] ([^ \r\n]+)", "body", "ip"), self.ereg(r"m=audio ([0-9]+)", "body", "port")]

    def log_keys(self):
        return '<log message="srtp [call_number] %s %s [$key]"/>' % (self.secure["suite"], self.secure["key"]) if self.secure else ""

    def log_start(self):
        number = "[field0]" if self.side == "uac" else "[$number]"
        return self.log_keys() + '<log message="start [call_number] [$ip] [$port] %s %d"/>' % (number, self.at.pt)

    def pause(self, step):
        if step["seconds"] > 0:
            self.out.append('<pause milliseconds="%d"/>' % max(1, round(step["seconds"] * 1000)))

    def kept(self):
        """Where the headers of the INVITE in hand are: those of the first one name the dialog, and stay."""
        return "" if self.side == "uas" and self.heard_invites < 2 else "re"

    def quiet(self, step):
        self.out.append('<nop><action><log message="stop [call_number]"/></action></nop>')

    def recv(self, step, extra=()):
        what, attrs, acts = step["what"], "", list(extra)
        if isinstance(what, int):
            attrs = 'response="%d"' % what
            rtp = step["rtp"] if step["rtp"] is not None else self.last == "INVITE" and what in (183, 200)
            if what >= 180 and (self.last == "INVITE" or what == 487):
                attrs += ' rrs="true"'
                if self.side == "uac":  # a UAS keeps its own name in [$to]
                    acts.append(self.ereg(r".*", "hdr", "to", "To:"))
            if rtp:
                acts += self.where_to() + [self.log_start()]
            if what >= 200:
                self.final = what
        else:
            attrs = 'request="%s" rrs="true"' % what
            self.last = what
            if what == "INVITE":
                self.heard_invites += 1
                acts += [self.ereg(r".*", "hdr", self.kept() + k, h) for k, h in KEEP.items()]
                acts += self.where_to() + [self.ereg(r"INVITE sip:([^@;>]*)", "msg", "number")]
                if self.theirs():
                    acts.append(self.log_keys())  # before it is spoken to
            # SIPp takes an ACK that finds it at a <nop> for an unexpected one, so what follows a 200 hangs on its ACK.
            if what == "ACK" and step["rtp"]:
                acts += self.where_to()
            if what == "ACK" and self.speaks:
                acts.append(self.log_start())
            if what == "BYE":
                acts.append('<log message="stop [call_number]"/>')
        for name, (header, regexp) in step["capture"].items():
            acts.append(self.ereg(regexp, "hdr", name, header + ":"))
        if step["optional"]:
            attrs += ' optional="true"'
        if step["timeout_ms"]:
            attrs += ' timeout="%d"' % step["timeout_ms"]
        if step["next"]:
            attrs += ' next="%s"' % step["next"]
        body = "<action>%s</action>" % "".join(acts) if acts else ""
        self.out.append("<recv %s>%s</recv>" % (attrs, body))

    def body(self, sdp):
        if not sdp:
            return "Content-Length: 0\n\n"
        s = dict(pts=[self.at.pt], direction="sendrecv", version=1, sid=100000 + zlib.crc32(self.at.host.encode()) % 900000, connection=self.at.media_ip,
                 profile="RTP/AVP", srtp=None)
        s.update(getattr(self.at, "secure", None) or {})
        s.update(sdp if isinstance(sdp, dict) else {})
        maps = "".join("a=rtpmap:%d %s\n" % (pt, MAPS[pt]) for pt in s["pts"])
        self.secure = s["srtp"]
        crypto = "".join("a=crypto:%s\n" % line for line in s["srtp"]["before"] + ["%(tag)d %(suite)s inline:%(key)s" % s["srtp"]]) if s["srtp"] else ""
        text = s.get("text") or SDP.format(profile=s["profile"], crypto=crypto, name=self.at.host, sid=s["sid"], version=s["version"], v=self.at.v, ip=self.at.media_ip, pts=" ".join(map(str, s["pts"])),
                                           maps=maps, direction=s["direction"], connection=s["connection"])
        return "Content-Type: %s\nContent-Length: [len]\n\n%s" % (s.get("type", "application/sdp"), text)

    def message(self, head, body, attrs=""):
        self.out.append("<send%s><![CDATA[\n\n%s\n%s]]></send>" % (attrs, "\n".join(h for h in head if h), body))

    def send(self, step):
        code, to = step["code"], step["to"] or self.last
        stored = to == "INVITE"
        sdp = step["sdp"] if step["sdp"] is not None else stored and code in (183, 200)
        fill = (lambda k: "%s[$%s%s]" % (KEEP[k], self.kept(), k)) if stored else (lambda k: {"via": "[last_Via:]", "from": "[last_From:]", "to": "[last_To:]",
                                                                              "cseq": "[last_CSeq:]"}[k])
        tag = ";tag=[pid]-[call_number]-%s" % step["tag"] if stored and code > 100 and self.heard_invites < 2 else ""
        head = ["SIP/2.0 %d %s" % (code, step["reason"] or REASONS.get(code, "Code %d" % code)), "[last_Via:]" if self.at.proxied else fill("via"), fill("from"), fill("to") + tag,
                "[last_Call-ID:]", fill("cseq"), "Contact: <sip:%s@[local_ip]:[local_port];transport=[transport]>" % self.name if step["contact"] else "",
                "Server: %s" % self.at.host] + (["[last_Record-Route:]"] if self.at.proxied else [])
        if code >= 300:
            head += self.confide(step["headers"], "SIP;cause=%d" % code)
        retrans = step["retrans"] if step["retrans"] is not None else stored and code == 200
        attrs = ' retrans="500"' if retrans else ""
        self.message(head + step["headers"], self.body(sdp), attrs)
        speak = step["speak"] if step["speak"] is not None else bool(sdp)
        if speak and code < 200:
            self.out.append('<nop><action>%s</action></nop>' % self.log_start())
        self.speaks = speak and code >= 200

    def via(self, branch):
        return "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-%s" % branch

    def outgoing(self, method, uri, cseq, branch, to, headers, forwards=70, frm=None):
        """Head of a request of ours. `to`: with the other side's tag once it is known."""
        user = frm or self.at.user
        if self.side == "uas":
            us, them = "From:[$to];tag=[pid]-[call_number]-a", "To:[$from]"
        else:
            us = "From: <sip:%s@%s>;tag=[pid]-[call_number]" % (user, self.at.host)
            them = "To:[$to]" if to else "To: <sip:[field0]@[remote_ip]:[remote_port]>"
        return ["%s %s SIP/2.0" % (method, uri), self.via(branch), us, them, "Call-ID: [call_id]", "CSeq: %d %s" % (cseq, method),
                "Contact: <sip:%s@[local_ip]:[local_port];transport=[transport]>" % user, "Max-Forwards: %d" % forwards,
                "User-Agent: %s" % self.at.host] + (self.confide(headers, "Q.850;cause=16") if method == "BYE" else []) + headers

    def confide(self, headers, reason):
        """What is said in confidence, where the step does not say it itself: kedge must keep it from the other side."""
        said = {h.partition(":")[0] for h in headers}
        ours = {"Warning": '399 %s "unwell at %s"' % (self.at.host, self.at.host), "Reason": '%s;text="told by %s"' % (reason, self.at.host)}
        return ["%s: %s" % item for item in ours.items() if item[0] not in said]

    def invite(self, step):
        inside = self.invites > 0 or self.side == "uas"
        self.invites += 1
        self.cseq += 1
        self.invite_cseq, self.branch, self.last = self.cseq, "i%d" % self.cseq, "INVITE"
        uri = step["uri"] or ("[next_url]" if inside else "sip:[field0]@[remote_ip]:[remote_port]")
        self.invite_uri = uri
        head = self.outgoing("INVITE", uri, self.cseq, self.branch, inside, step["headers"] + (["[routes]"] if inside else []),
                             step["max_forwards"], step["frm"])
        self.message(head, self.body(step["sdp"]), ' retrans="500"' if self.at.udp else "")
        self.final = None

    def ack(self, step):
        failed = self.final and self.final >= 300
        uri, branch = (self.invite_uri, self.branch) if failed else ("[next_url]", "a%d" % self.invite_cseq)
        head = self.outgoing("ACK", uri, self.invite_cseq, branch, True, [] if failed else ["[routes]"])
        self.message(head, self.body(step["sdp"]))

    def cancel(self, step):
        self.last = "CANCEL"
        head = self.outgoing("CANCEL", self.invite_uri, self.invite_cseq, self.branch, False, [])
        self.message(head, self.body(None), ' retrans="500"' if self.at.udp else "")

    def bye(self, step):
        if step["rtp"]:
            self.quiet(step)
            self.pause(dict(seconds=0.12))
        self.request(dict(method="BYE", headers=[], uri=None, dialog=True, max_forwards=70))

    def request(self, step):
        self.cseq += 1
        self.last = step["method"]
        uri = step["uri"] or ("[next_url]" if step["dialog"] else "sip:[field0]@[remote_ip]:[remote_port]")
        head = self.outgoing(step["method"], uri, self.cseq, "r%d" % self.cseq, step["dialog"],
                             step["headers"] + (["[routes]"] if step["dialog"] else []), step["max_forwards"])
        self.message(head, self.body(None), ' retrans="500"' if self.at.udp else "")

    def raw(self, step):
        self.out.append("<send><![CDATA[\n\n%s\n]]></send>" % step["text"])


# ---- messages ----

class Message:
    """One SIP message of a trace: when (seconds), way ("in" or "out" of that peer), first line, headers, body, text."""

    def __init__(self, when, way, text):
        self.when, self.way, self.text = when, way, text
        head, _, self.body = text.replace("\r\n", "\n").partition("\n\n")
        lines = head.split("\n")
        self.first = lines[0].strip()
        self.headers = []
        for line in lines[1:]:
            if line[:1] in " \t" and self.headers:
                self.headers[-1] = (self.headers[-1][0], self.headers[-1][1] + " " + line.strip())
            elif ":" in line:
                name, _, value = line.partition(":")
                self.headers.append((name.strip(), value.strip()))
        response = re.match(r"SIP/2.0 (\d{3})", self.first)
        self.code = int(response.group(1)) if response else None
        self.method = self.first.split(" ")[0] if not response else (self["CSeq"] or "? ?").split()[-1]
        self.request = response is None

    def __getitem__(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    @property
    def uri(self):
        return self.first.split(" ")[1]

    @property
    def to_tag(self):
        found = re.search(r";\s*tag\s*=\s*([^;>\s]+)", self["To"] or "")
        return found.group(1) if found else None

    def is_(self, what):
        """what: "INVITE" (a request), 200 (any response with that code) or "200 INVITE"."""
        if isinstance(what, int):
            return self.code == what
        if " " in what:
            code, method = what.split()
            return self.code == int(code) and self.method == method
        return self.request and self.method == what

    def __repr__(self):
        return "%.3f %s %s" % (self.when, self.way, self.first)


def read_trace(path):
    """All messages of a SIPp trace, in order."""
    messages = []
    try:
        with open(path, errors="replace", newline="") as f:
            text = f.read()
    except OSError:
        return messages
    for part in re.split(r"^-{40,} ", text, flags=re.M)[1:]:
        stamp, _, rest = part.partition("\n")
        found = re.match(r"\s*\S+ message (received|sent)[^\n]*\n\s*\n?(.*)", rest, re.S)
        if not found:
            continue
        day, _, micros = stamp.strip().partition(".")
        when = time.mktime(time.strptime(day, "%Y-%m-%d %H:%M:%S")) + float("0." + (micros or "0"))
        messages.append(Message(when, "in" if found.group(1) == "received" else "out", found.group(2).lstrip("\r\n")))
    return messages


class Log:
    """What one peer saw, with the questions that scenarios ask. Subclasses fill messages()."""

    def messages(self):
        raise NotImplementedError

    def got(self, what):
        return [m for m in self.messages() if m.way == "in" and m.is_(what)]

    def sent(self, what):
        return [m for m in self.messages() if m.way == "out" and m.is_(what)]

    def received(self, what):
        """How many different ones: a retransmission (same Via, same CSeq, same To-tag, same code) counts once."""
        return len({(m["Via"], m["CSeq"], m["Call-ID"], m.to_tag if m.code else None, m.code) for m in self.got(what)})

    def first(self, what):
        found = self.got(what)
        assert found, "%s never received %s" % (self.name, what)
        return found[0]


class Sipp(Log):
    """One running SIPp. at: struct with ip, port, media_ip, v, user, pt, udp, rtp."""

    def __init__(self, name, side, steps, at, folder, remote=None, numbers=(), rate=10, limit=None, fifo=None, aa=True, transport="u1",
                 trace=True):
        self.name, self.at, self.folder, self.side = name, at, folder, side
        at.udp = transport.startswith("u")
        base = os.path.join(folder, name)
        with open(base + ".xml", "w") as f:
            f.write(Xml(name, side, steps, at).text())
        self.trace = base + ".sip"
        # The media socket of SIPp itself is of no use; an address of its own keeps it out of the RTP peer's way.
        args = ["sipp", "-sf", base + ".xml", "-i", at.ip, "-bind_local", "-p", str(at.port), "-mi", at.dummy_ip, "-mp", str(at.rtp_port),
                "-nostdin", "-timer_resol", "1", "-t", transport, "-trace_err", "-error_file", base + ".err",
                "-deadcall_wait", "0", "-skip_rlimit", "-ci", at.dummy_ip]
        if trace:
            args += ["-trace_msg", "-message_file", self.trace]
        if aa:
            args.append("-aa")
        if fifo:
            args += ["-trace_logs", "-log_file", fifo]
        if side == "uac":
            with open(base + ".csv", "w") as f:
                f.write("SEQUENTIAL\n" + "".join("%s;\n" % n for n in numbers))
            args += ["-inf", base + ".csv", "-m", str(len(numbers)), "-r", str(rate), "-l", str(limit or max(1, len(numbers))), remote]
        self.out = open(base + ".out", "w")
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT, start_new_session=True)
        self.cache = None

    def messages(self):
        size = os.path.getsize(self.trace) if os.path.exists(self.trace) else 0
        if self.cache is None or self.cache[0] != size:
            self.cache = (size, read_trace(self.trace))
        return self.cache[1]

    def wait(self, seconds):
        """Exit code of a caller, or None if it did not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.out.close()

    def freeze(self):
        """Silent from now on, as a dead host is: its port stays bound."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def errors(self):
        try:
            with open(os.path.join(self.folder, self.name) + ".err", errors="replace") as f:
                text = f.read()
        except OSError:
            return ""
        return re.sub(r"[^\n]*Automatic response mode[^\n]*?opt[^\n]*", "", text)
