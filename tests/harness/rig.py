# SPDX-License-Identifier: MIT
"""rig: one scenario's world on loopback: a real `kedge run`, SIPp peers, their RTP ends, silent holes; and what must hold at the end of each.

Each rig owns 127.S.0.0/16 of its own, so that scenarios run side by side with fixed ports: PBX 127.S.1.1, carriers 127.S.2.1.., kedge inside
127.S.3.1, outside 127.S.4.1. With v6=True all stand on [::1] instead, with v6="inside" or "outside" those of that side, and differ by ports of the
rig's own: room for 8 calls at once among up to 8 parties. transport="tcp": everybody speaks TCP who is not told otherwise. Both may come from the
test's name: a scenario listed with WIRES is played four times, as NAME@udp4, @udp6, @tcp4 and @tcp6.
"""
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
import types

import checker
import topology
from dns import Dns
from rtp import Rtp, faults
from sipp import Log, Message, Sipp

SLOTS = range(100, 250)
RTP_PORTS, ENDS = 21000, 128
WIRES = {"udp4": (False, "udp"), "udp6": (True, "udp"), "tcp4": (False, "tcp"), "tcp6": (True, "tcp")}
# Where parties share [::1]: ports of a rig, and in them, from its first, where the SIP ports, the RTP of 8 parties with 8 ends each, and kedge's begin.
PORTS6, ENDS6, SIP6, PARTY6, INSIDE6, OUTSIDE6 = 480, 8, 1, 40, 296, 368


def claim():
    """A slot nobody else uses while the returned socket is open."""
    for slot in SLOTS:
        lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            lock.bind(("127.%d.0.254" % slot, 4999))
            # One that was left behind, by a test that was killed, may still serve there.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.%d.3.1" % slot, 5060))
            return slot, lock
        except OSError:
            lock.close()
    raise RuntimeError("no free slot")


def claim6():
    """The same for [::1]: the first of PORTS6 ports, below those the kernel hands out."""
    bases = range(10000, 32000 - PORTS6, PORTS6)
    for i in range(len(bases)):  # not the one that was just given back: TCP still rests there
        base = bases[(os.getpid() + i) % len(bases)]
        lock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            lock.bind(("::1", base))
            return base, lock
        except OSError:
            lock.close()
    raise RuntimeError("no free ports at ::1")


class Raw(Log):
    """A UDP socket in place of a SIP stack: hears all and does what it is told, nothing else. For dead and half-dead carriers and for races.
    answers: {method: a code, or a function(raw, message)}, "response" for whatever comes back. reply() may be used from such a function; later(seconds, f) runs f then."""
    proto, contact = "UDP", ""

    def __init__(self, name, ip, port, answers=(), pt=0, net=2):
        self.name, self.answers, self.seen, self.ended, self.pt, self.ip, self.net = name, dict(answers), [], False, pt, ip, net
        self.due, self.source = [], {}
        self.socket = self.open(port)
        self.here = "%s:%d" % ("[%s]" % ip if ":" in ip else ip, self.socket.getsockname()[1])
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def open(self, port):
        s = socket.socket(socket.AF_INET6 if ":" in self.ip else socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((self.ip, port))
        s.settimeout(0.02)
        return s

    def listen(self):
        while not self.ended:
            self.do_due()
            try:
                data, source = self.socket.recvfrom(65536)
            except socket.timeout:
                continue
            except OSError:
                if self.ended:
                    return
                time.sleep(0.02)  # away
                continue
            self.take(data, source)

    def do_due(self):
        for item in [d for d in self.due if d[0] <= time.monotonic()]:
            self.due.remove(item)
            item[1]()

    def take(self, data, source):
        m = Message(time.time(), "in", data.decode(errors="replace"))
        m.source = source
        self.seen.append(m)
        does = self.answers.get(m.method if m.request else "response")
        if isinstance(does, int):
            self.reply(m, does)
        elif does:
            does(self, m)

    def away(self):
        """Its port is closed: ICMP."""
        self.socket.close()

    def back(self):
        self.socket = self.open(int(self.here.rpartition(":")[2]))

    def later(self, seconds, f):
        self.due.append((time.monotonic() + seconds, f))

    def reply(self, m, code, tag="raw", sdp=False, method=None, headers=(), to=None):
        """Answers message m; method: another method of the same transaction (200 to the INVITE when m is its CANCEL); to: another place than it came from."""
        keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "call-id"))
        whom = m["To"] + ("" if m.to_tag or code == 100 else ";tag=" + tag)
        body = self.sdp(str(self.pt)) + "a=rtpmap:%d %s/8000\r\n" % (self.pt, "PCMA" if self.pt else "PCMU") if sdp else ""
        text = "SIP/2.0 %d Raw\r\n%sTo: %s\r\nCSeq: %s %s\r\nContact: <sip:%s%s>\r\n%s%sContent-Length: %d\r\n\r\n%s" % (
            code, keep, whom, m["CSeq"].split()[0], method or m.method, self.here, self.contact,
            "".join(h + "\r\n" for h in headers), "Content-Type: application/sdp\r\n" if sdp else "", len(body), body)
        self.say(text, to or m.source)

    def sdp(self, pts="0", port=21000):
        v = 6 if ":" in self.ip else 4
        return "v=0\r\no=%s 1 1 IN IP%d %s\r\ns=call at %s\r\nc=IN IP%d %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n" % (self.name, v, self.ip, self.name, v, self.ip, port, pts)

    def compose(self, method, uri, frm, to, call_id, cseq, body="", branch=None, headers=()):
        """A request of ours as text."""
        return "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:raw@%s%s>\r\n%s%sContent-Length: %d\r\n\r\n%s" % (
            method, uri, self.proto, self.here, branch or "%s-%s-%d" % (method, self.name, len(self.seen)), frm, to, call_id, cseq, method, self.here, self.contact,
            "".join(h + "\r\n" for h in (*headers, *([] if any(h.startswith("Max-Forwards") for h in headers) else ["Max-Forwards: 70"]))),
            "Content-Type: application/sdp\r\n" if body else "", len(body), body)

    def begin(self, method, number, kedge, call_id="raw", tag="raw", body="", branch=None, headers=()):
        """The first request of a call, or one outside any, as text."""
        host = "[%s]" % kedge[0] if ":" in kedge[0] else kedge[0]
        return self.compose(method, "sip:%s@%s:%d" % (number, host, kedge[1]), "<sip:1001@%s>;tag=%s" % (self.here, tag),
                            "<sip:%s@%s>" % (number, host), call_id, 1, body, branch, headers)

    def follow(self, m, method, cseq, body="", headers=()):
        """A request inside the dialog that m made, m being a response we got, or an INVITE we answered with reply() and its tag."""
        contact = re.search(r"<(.*?)>", m["Contact"]).group(1)
        if m.code:
            return self.compose(method, contact, m["From"], m["To"], m["Call-ID"], cseq, body, None, headers)
        return self.compose(method, contact, m["To"] + ";tag=raw", m["From"], m["Call-ID"], cseq, body, None, headers)

    def say(self, text, target):
        data = text.encode() if isinstance(text, str) else text
        self.seen.append(Message(time.time(), "out", data.decode(errors="replace")))  # before the answer can be there
        self.socket.sendto(data, target)

    def messages(self):
        return list(self.seen)

    def stop(self):
        self.ended = True
        self.socket.close()
        self.thread.join(1)

    def errors(self):
        return ""


class Stream(Raw):
    """The same over TCP: listens, takes what comes over any connection, and answers on the connection it came on; a Message's source is its connection.
    connect(): one of our own."""
    proto, contact = "TCP", ";transport=tcp"

    def open(self, port):
        self.links = {}
        s = socket.socket(socket.AF_INET6 if ":" in self.ip else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.ip, port))
        s.listen(64)
        return s

    def listen(self):
        while not self.ended:
            self.do_due()
            try:
                ready, _, _ = select.select([self.socket, *self.links], [], [], 0.02)
                for s in ready:
                    if s is self.socket:
                        self.links[s.accept()[0]] = b""
                    elif s in self.links:
                        self.hear(s)
            except (OSError, ValueError):
                continue  # a connection that another thread closed

    def hear(self, s):
        try:
            more = s.recv(65536)
        except OSError:
            more = b""
        self.links[s] = (self.links[s] + more).lstrip(b"\r\n")
        if not more:
            self.drop(s)
        while s in self.links and b"\r\n\r\n" in self.links[s]:
            head, _, rest = self.links[s].partition(b"\r\n\r\n")
            found = re.search(rb"(?:Content-Length|\nl) *: *(\d+)", head, re.I)
            size = int(found.group(1)) if found else 0
            if len(rest) < size:
                return
            self.links[s] = rest[size:].lstrip(b"\r\n")
            self.take(head + b"\r\n\r\n" + rest[:size], s)

    def connect(self, where):
        s = socket.socket(self.socket.family)
        s.bind((self.ip, 0))
        s.connect(where)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.links[s] = b""
        return s

    def drop(self, s, reset=False):
        """Ends a connection: FIN, or RST."""
        self.links.pop(s, None)
        if reset:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        s.close()

    def say(self, text, target):
        data = text.encode() if isinstance(text, str) else text
        self.seen.append(Message(time.time(), "out", data.decode(errors="replace")))  # before the answer can be there
        target.sendall(data)

    def stop(self):
        super().stop()
        for s in list(self.links):
            self.drop(s)


class Rig:
    def __init__(self, build, name, keep=None):
        self.build, self.name = build, name
        self.slot, self.lock = claim()
        self.folder = keep or tempfile.mkdtemp(prefix="kedge-%s-" % name.replace("/", "-"))
        os.makedirs(self.folder, exist_ok=True)
        self.peers, self.rtps, self.callers = {}, {}, []
        self.trunks, self.profiles, self.routes, self.top = {}, {}, [], {}
        self.placed = []            # addresses of the RTP ends so far
        self.v6, self.transport, self.time_scale, self.kedge = False, "udp", 1, None
        self.base6 = self.lock6 = None
        self.ports = {}
        self.cdrs = None            # records expected; by default one per call made by callers
        self.audio_strict = True    # RTP counts are checked
        self.sip_strict = True      # so is every message (checker.py)
        self.inside_v, self.started = None, False
        self.killed = False         # kedge was killed on purpose
        self.targets, self.profile = None, {}
        self.allow_audio = ()
        self.proxied = ()           # SIPp peers behind a proxy: they answer with all Vias and Record-Routes of the last request
        self.passes = ()            # secrets that are meant to cross: regexps (topology.py)
        self.failed_callers = False
        self.env = {}
        self.ends = ENDS            # RTP ends of each caller
        self.keep_audio = self.trace = True  # WAV and pcap, SIPp's message trace: too much of a soak
        self.launcher = []          # what `kedge run` is run by
        self.direct = False         # no kedge: the peers call each other, to prove the rig itself

    # ---- addresses ----

    def is6(self, net):
        return self.v6 is True or self.v6 == ("inside" if net in (1, 3) else "outside")

    def ip(self, net, host=1):
        return "::1" if self.is6(net) else "127.%d.%d.%d" % (self.slot, net, host)

    def port(self, key):
        """SIP port of a party: 5060 on addresses of its own, else one of the rig's 100."""
        if not self.v6:
            return 5060
        return self.ports.setdefault(key, self.first6() + SIP6 + len(self.ports))

    def first6(self):
        if self.base6 is None:
            self.base6, self.lock6 = claim6()
        return self.base6

    def host(self, ip):
        return "[%s]" % ip if ":" in ip else ip

    def uri(self, net, host, key, extra=""):
        return "sip:%s:%d%s" % (self.host(self.ip(net, host)), self.port(key), extra)

    def uri_by(self, net, host, key, transport):
        return self.uri(net, host, key, ";transport=tcp" if transport == "tcp" else "")

    def place(self, name, net, host, pt, user, media_host=None):
        ip = self.ip(net, host)
        index = len(self.rtps)
        # Several parties on one address (a PBX's second caller) get port ranges side by side.
        taken = sum(p == ip for p in self.placed)
        self.placed.append(ip)
        port = RTP_PORTS + 4 * max(ENDS, self.ends) * taken if not self.v6 else self.first6() + PARTY6 + 4 * ENDS6 * index
        assert not self.v6 or index < 8, "no ports for a ninth party"
        return types.SimpleNamespace(ip=ip, port=self.port(name), media_ip=ip, v=6 if self.is6(net) else 4, pt=pt, user=user, rtp_port=port,
                                     dummy_ip="127.%d.9.%d" % (self.slot, index + 1), net=net, host="%s.%s.hidden" % (name, "pbx" if net == 1 else "carrier"), proxied=name in self.proxied)

    # ---- peers ----

    def rtp(self, name, at, ends):
        self.rtps[name] = Rtp(self.build, name, at.media_ip, at.rtp_port, ENDS6 if self.v6 else ends, len(self.rtps) + 1, self.folder, keep=self.keep_audio)
        return self.rtps[name]

    def trunk(self, name, side, host, **settings):
        net = 1 if side == "pbx" else 2
        # A machine that stands still for half a second is no slow trunk; scenarios about that say so.
        t = {"name": name, "side": side, "uri": self.uri_by(net, host, name, self.transport), "degraded_rtt": "0ms", "degraded_jitter": "0ms"}
        t.update(settings)
        self.trunks[name] = t

    def carrier(self, name, steps, pt=0, transport=None, ends=ENDS, secure=None, **settings):
        """A carrier that does these steps for each call; secure: what its SDP says of SRTP (sipp.secure); settings: of its trunk."""
        host = 1 + sum(t["side"] == "carrier" for t in self.trunks.values())
        settings.setdefault("uri", self.uri_by(2, host, name, transport or self.transport))
        self.trunk(name, "carrier", host, **settings)
        return self.serve(name, 2, host, steps, pt, transport, ends, secure)

    def serve(self, name, net, host, steps, pt=0, transport=None, ends=ENDS, secure=None):
        transport = transport or self.transport
        at = self.place(name, net, host, pt, name)
        at.secure = secure
        rtp = self.rtp(name, at, ends)
        self.peers[name] = Sipp(name, "uas", steps, at, self.folder, fifo=rtp.fifo, transport="t1" if transport == "tcp" else "u1", trace=self.trace)
        return self.peers[name]

    def silent(self, name, answers=(), **settings):
        """A carrier that hears and says nothing but what answers tells it (Raw): {"OPTIONS": 200}."""
        host = 1 + sum(t["side"] == "carrier" for t in self.trunks.values())
        settings.setdefault("uri", self.uri(2, host, name))
        self.trunk(name, "carrier", host, **settings)
        self.peers[name] = Raw(name, self.ip(2, host), self.port(name), answers)
        return self.peers[name]

    def stream(self, name, answers=(), **settings):
        """The same over TCP (Stream)."""
        host = 1 + sum(t["side"] == "carrier" for t in self.trunks.values())
        settings.setdefault("uri", self.uri_by(2, host, name, "tcp"))
        self.trunk(name, "carrier", host, **settings)
        self.peers[name] = Stream(name, self.ip(2, host), self.port(name), answers)
        return self.peers[name]

    def absent(self, name, **settings):
        """A carrier whose port is closed: ICMP, or RST."""
        host = 1 + sum(t["side"] == "carrier" for t in self.trunks.values())
        self.trunk(name, "carrier", host, **settings)

    def pbx(self, steps=None, name="pbx1", pt=0, transport=None, secure=None, **settings):
        """The PBX as the called side."""
        host = 1 + sum(t["side"] == "pbx" for t in self.trunks.values())
        settings.setdefault("uri", self.uri_by(1, host, name, transport or self.transport))
        self.trunk(name, "pbx", host, **settings)
        return self.serve(name, 1, host, steps, pt, transport, secure=secure) if steps else None

    def caller(self, steps, numbers=("+442071838750",), name=None, host=1, net=1, rate=10, limit=None, pt=0, transport=None, to=None, user="1001", secure=None):
        """Begins calls to kedge at once: from the PBX (net 1) or a carrier (net 2)."""
        self.start()
        name = name or "caller%d" % (len(self.callers) + 1)
        at = self.place(name, net, host, pt, user)
        at.secure = secure
        # A trunk's SIP port belongs to its called side; the caller takes the next one of the same address.
        if not self.v6 and (self.callers or any(getattr(p, "at", None) and p.at.ip == at.ip for p in self.peers.values()) or net == 2):
            at.port += 100 + len(self.callers)
        rtp = self.rtp(name, at, self.ends)
        kedge = to or ("%s:%d" % (self.host(self.ip(3 if net == 1 else 4)), self.port("kedge%d" % (3 if net == 1 else 4))))
        peer = Sipp(name, "uac", steps, at, self.folder, remote=kedge, numbers=numbers, rate=rate, limit=limit, fifo=rtp.fifo,
                    transport="t1" if (transport or self.transport) == "tcp" else "u1", trace=self.trace)
        peer.count = len(numbers)
        self.peers[name] = peer
        self.callers.append(peer)
        return peer

    def dns(self, host=1):
        """A DNS server (dns.py) that kedge asks, after those before it."""
        d = self.peers["dns%d" % host] = Dns("127.%d.5.%d" % (self.slot, host))
        self.top.setdefault("dns", {}).setdefault("resolvers", []).append("%s:%d" % (d.ip, d.port))
        return d

    def tool(self, name="tool", net=1, host=9, tcp=False, answers=(), port=None):
        """A bare UDP socket (or TCP, Stream) on a side, to send what no stack would."""
        self.peers[name] = (Stream if tcp else Raw)(name, self.ip(net, host), port or self.port(name), answers, net=net)
        return self.peers[name]

    def kedge_at(self, net=1):
        """(host, port) of kedge for parties of that side."""
        net = 3 if net == 1 else 4
        return (self.ip(net), self.port("kedge%d" % net))

    # ---- kedge ----

    def write_config(self):
        if "pbx1" not in self.trunks and not any(t["side"] == "pbx" for t in self.trunks.values()):
            self.trunk("pbx1", "pbx", 1)
        carriers = [n for n, t in self.trunks.items() if t["side"] == "carrier"]
        boxes = [n for n, t in self.trunks.items() if t["side"] == "pbx"]
        for n in boxes[:1]:
            self.trunks[n].setdefault("sources", ["::1/128" if self.is6(1) else "127.%d.1.0/24" % self.slot])
        for net, names in ((1, boxes), (2, carriers)):
            for i, n in enumerate(names[1:] if self.is6(net) else ()):  # a new call that comes from [::1] is the first one's of its side
                self.trunks[n].setdefault("sources", ["2001:db8:%d::%d/128" % (net, i + 2)])
        profiles = self.profiles or {
            "out": dict({"targets": [{"trunk": n} for n in (self.targets or carriers)]}, **self.profile),
            "in": {"targets": [{"trunk": n} for n in boxes]}}
        routes = self.routes or ([{"name": "out-%s" % n, "from": n, "profile": "out"} for n in boxes if carriers] +
                                 [{"name": "in-%s" % n, "from": n, "profile": "in"} for n in carriers])
        if not carriers:
            profiles.pop("out", None)
        low = 22000
        conf = {
            "interfaces": [{"name": "inside", "address": self.ip(3), "sip_port": self.port("kedge3"), "rtp_ports": "%d-%d" % (low, low + 399)},
                           {"name": "outside", "address": self.ip(4), "sip_port": self.port("kedge4"), "rtp_ports": "%d-%d" % (low + 400, low + 1199)}],
            "limits": {"max_calls": 100, "max_video": 8}, "log": {"level": "debug", "format": "json", "file": self.folder + "/kedge.log"},
            "cdr": {"file": self.folder + "/cdr.jsonl"}, "run": {"dir": self.folder + "/run", "state_dir": self.folder + "/state", "drain": "2s"},
            "trunks": list(self.trunks.values()), "profiles": [dict(p, name=n) for n, p in profiles.items()], "routes": routes}
        if self.v6:
            for i, (low, high) in enumerate(((INSIDE6, OUTSIDE6), (OUTSIDE6, PORTS6))):
                conf["interfaces"][i]["rtp_ports"] = "%d-%d" % (self.first6() + low, self.first6() + high - 1)
            conf["limits"]["max_calls"] = 8
        for group, values in self.top.items():
            if isinstance(values, dict):
                conf.setdefault(group, {}).update(values)
            else:
                conf[group] = values
        if self.time_scale != 1:
            conf["test"] = {"time_scale": self.time_scale}
        self.config = os.path.join(self.folder, "kedge.cfg")
        with open(self.config, "w") as f:
            f.write(libconfig(conf))

    def start(self):
        """Writes the configuration and starts kedge; does nothing the second time."""
        if self.started or self.direct:
            return
        self.started = True
        self.write_config()
        self.launch()

    def launch(self):
        """Starts kedge with the configuration as it is written."""
        ready = len(self.events("run.ready"))
        os.makedirs(self.folder + "/run", exist_ok=True)
        env = dict(os.environ, KEDGE_TEST="1", **self.env)
        self.kedge_out = open(self.folder + "/kedge.out", "a")
        self.kedge = subprocess.Popen(self.launcher + [os.path.join(self.build, "kedge"), "run", "-f", self.config], stdin=subprocess.DEVNULL, stdout=self.kedge_out,
                                      stderr=subprocess.STDOUT, start_new_session=True, env=env)
        self.until(lambda: len(self.events("run.ready")) > ready or self.kedge.poll() is not None, 10)
        assert self.kedge.poll() is None, "kedge did not start:\n" + open(self.folder + "/kedge.out").read() + self.log_text()[-2000:]

    def log_text(self):
        try:
            with open(self.folder + "/kedge.log", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def events(self, name=None):
        """Log lines as dicts."""
        found = []
        for line in self.log_text().splitlines():
            try:
                e = json.loads(line)
            except ValueError:
                continue
            if name is None or e.get("event") == name:
                found.append(e)
        return found

    def told(self, name, least=1):
        """Events of that name, as soon as there are so many: the log is written a moment after what it tells."""
        self.until(lambda: len(self.events(name)) >= least, 3)
        return self.events(name)

    def decisions(self):
        return [e["record"] for e in self.events("call.decision")]

    def cdr(self):
        try:
            with open(self.folder + "/cdr.jsonl") as f:
                return [json.loads(line) for line in f if line.endswith("\n")]  # one that is being written has no end yet
        except OSError:
            return []

    def verb(self, *args, ok=True):
        """Runs a kedge verb; its output."""
        done = subprocess.run([os.path.join(self.build, "kedge"), *args, "-f", self.config], capture_output=True, text=True, timeout=20,
                              env=dict(os.environ, KEDGE_TEST="1"))
        assert not ok or done.returncode == 0, "kedge %s: exit %d: %s%s" % (" ".join(args), done.returncode, done.stdout, done.stderr)
        return done.stdout

    def ask(self, path, method="GET", body=None):
        """The admin socket's answer to that, its body."""
        text = "" if body is None else json.dumps(body)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.folder + "/run/admin.sock")
            s.sendall(("%s %s HTTP/1.0\r\nHost: kedge\r\nContent-Length: %d\r\n\r\n%s" % (method, path, len(text), text)).encode())
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        return answer.partition(b"\r\n\r\n")[2].decode()

    def trunk_now(self, name):
        """The trunk as `kedge trunks --json` tells it."""
        return next(one for one in json.loads(self.verb("trunks", "--json"))["trunks"] if one["trunk"] == name)

    def figures(self):
        """/v1/status: heartbeats, ports, sessions and every counter. None while nobody answers."""
        try:
            return json.loads(self.ask("/v1/status"))
        except (OSError, ValueError):
            return None

    def media(self, what):
        """Sum over the media workers of one of their figures; None while nobody answers."""
        f = self.figures()
        return f and sum(w[what] if what in w else w["counters"][what] for w in f["media"])

    def pid(self, plane):
        """The process that serves as "sig" or "media" now."""
        f = self.figures()
        return f["sig"]["pid"] if plane == "sig" else f["media"][0]["pid"]

    def resident(self):
        """Private memory of both planes, in bytes: what a leak would make grow."""
        total = 0
        for plane in ("sig", "media"):
            with open("/proc/%d/smaps_rollup" % self.pid(plane)) as f:
                total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Private_"))
        return total

    def sanitized(self):
        """AddressSanitizer keeps what was freed, and names what was not at exit."""
        with open(os.path.join(self.build, "kedge-sig"), "rb") as f:
            return b"__asan_init" in f.read()

    # ---- time ----

    def until(self, condition, seconds):
        """True as soon as the condition holds, False if it did not in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.02)
        return bool(condition())

    def run(self, seconds=30):
        """Waits until all callers are through. A caller whose steps did not come as written fails the scenario."""
        self.start()
        for peer in self.callers:
            code = peer.wait(seconds)
            assert code is not None, "%s did not end within %s s%s" % (peer.name, seconds, tail(peer.errors()))
            assert code == 0 or self.failed_callers, "%s: SIPp exit %d: not as written%s" % (peer.name, code, tail(peer.errors()))

    def connect(self, host=1):
        """A bare TCP connection from a PBX's address to kedge, for what is no SIP."""
        s = socket.socket()
        s.bind((self.ip(1, host), 0))
        s.connect((self.ip(3), 5060))
        s.setblocking(False)
        return s

    def hung_up(self, s):
        """Did kedge end that connection?"""
        try:
            return s.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def final(self, raw, text, to):
        """Lets a bare peer say a request; its final answer."""
        cseq = text.split("CSeq: ")[1].split("\r\n")[0]
        raw.say(text, to)
        found = lambda: [m for m in raw.messages() if m.way == "in" and m.code and m.code >= 200 and m["CSeq"] == cseq]  # noqa: E731
        assert self.until(found, 3), "%s: no answer" % cseq
        return found()[0]

    def gap(self, a, b):
        """Seconds from one message to another."""
        return b.when - a.when

    # ---- the end ----

    def finish(self):
        """What must hold in every scenario."""
        if self.direct:
            for rtp in self.rtps.values():
                rtp.stop()
            self.check_audio()
            return
        self.start()
        self.settle()
        for rtp in self.rtps.values():
            rtp.stop()
        self.check_alive()
        self.check_leaks()
        self.check_records()
        self.check_sip()
        if self.audio_strict:
            self.check_audio()
        self.check_exit()

    def settle(self):
        """Waits until kedge holds no call any more."""
        expected = self.expected_cdrs()
        assert self.until(lambda: len(self.cdr()) >= expected, 12), "%d call records, %d expected" % (len(self.cdr()), expected)
        assert self.until(lambda: self.idle(), 12), "not idle: %s" % (self.status,)

    def idle(self):
        """No call, no anchor, no port lent: signaling says so, and media by its own count."""
        try:
            calls = json.loads(self.verb("calls", "--json")).get("calls")
        except (AssertionError, ValueError) as e:
            self.status = e
            return False
        self.status = {"calls": calls, "sessions": self.media("sessions"), "ports_lent": self.media("ports_lent")}
        return self.status == {"calls": [], "sessions": 0, "ports_lent": 0}

    def expected_cdrs(self):
        return self.cdrs if self.cdrs is not None else sum(c.count for c in self.callers)

    def check_alive(self):
        assert self.kedge.poll() is None, "kedge ended by itself: exit %s" % self.kedge.poll()
        if not self.killed:
            assert not self.events("plane.exit"), "a plane died: %s" % self.events("plane.exit")
        bad = [e for e in self.events() if e.get("event") in ("call.unexpected", "plane.error", "run.error", "media.error", "media.orphan", "cdr.error", "log.dropped")]
        assert self.killed or not bad, "kedge complained: %s" % bad[:3]

    def check_leaks(self):
        """Neither side learns anything of the other, no carrier of another (A92, A95): topology.py."""
        zones = {}
        for peer in self.peers.values():
            if isinstance(peer, Log):
                zone = "the PBX's side" if self.net(peer) == 1 else "outside " + (peer.ip if isinstance(peer, Raw) else peer.at.ip)
                zones.setdefault(zone, []).append(peer)
        found = topology.leaks({zone: ([m for p in peers for m in p.messages()], self.hidden_from(peers)) for zone, peers in zones.items()}, self.passes)
        assert not found, found[0]
        self.check_keys()
        for name, rtp in self.rtps.items():
            assert not rtp.total("named"), "RTCP at %s names another peer" % name
        if self.v6 is True:
            self.check_leaks6()

    def check_keys(self):
        """No key of SRTP that a peer said or heard stands in a file of kedge's, or in what its tools tell."""
        keys = topology.keys([m for p in self.peers.values() if isinstance(p, Log) for m in p.messages()])
        if not keys:
            return
        told = {"kedge trace %s" % r["call"]: self.verb("trace", r["call"], ok=False) for r in self.cdr()[:8]}
        told["kedge calls"] = self.verb("calls", "--json")
        for folder, _, files in os.walk(self.folder):
            for name in files:
                path = os.path.join(folder, name)
                if name.split(".")[0] not in self.peers and not stat.S_ISFIFO(os.stat(path).st_mode) and not stat.S_ISSOCK(os.stat(path).st_mode):
                    with open(path, errors="replace") as f:
                        told[name] = f.read()
        assert {"kedge.log", "cdr.jsonl"} <= told.keys(), told.keys()
        for name, text in told.items():
            found = [k for k in keys if k in text]
            assert not found, "%s tells the key %s" % (name, found[0])

    def hidden_from(self, peers):
        """Addresses and host names that these peers of one zone must not see, as text anywhere: those of the other side, kedge's too, and of other carriers."""
        if self.net(peers[0]) == 1:
            return [r"127\.%d\.[24]\.\d+" % self.slot, r"[\w-]+\.carrier\.hidden"]
        ip = peers[0].ip if isinstance(peers[0], Raw) else peers[0].at.ip
        return [r"127\.%d\.[13]\.\d+" % self.slot, r"(?!%s\b)127\.%d\.2\.\d+" % (re.escape(ip), self.slot), r"[\w-]+\.pbx\.hidden",
                r"\b(?!(?:%s)\.)[\w-]+\.carrier\.hidden" % "|".join(re.escape(p.name) for p in peers)]

    def net(self, peer):
        return peer.net if isinstance(peer, Raw) else peer.at.net

    def check_leaks6(self):
        """On [::1] a port names the party: none of the inside outside, none of the outside inside."""
        near = {True: {self.ports.get("kedge3")}, False: {self.ports.get("kedge4")}}
        for peer in self.sipps():
            near[peer.at.net == 1] |= {peer.at.port, *range(peer.at.rtp_port, peer.at.rtp_port + 4 * ENDS6)}
        near[True].update(range(self.base6 + INSIDE6, self.base6 + OUTSIDE6))
        near[False].update(range(self.base6 + OUTSIDE6, self.base6 + PORTS6))
        for peer in self.sipps():
            for m in peer.messages():
                found = {int(p) for p in re.findall(r"\[::1\]:(\d+)|^m=\w+ (\d+)", m.text, re.M) for p in p if p} & near[peer.at.net != 1]
                assert m.way != "in" or not found, "%s saw the port %s in:\n%s" % (peer.name, found, m.text)

    def sipps(self):
        return [p for p in self.peers.values() if isinstance(p, Sipp)]

    def check_sip(self):
        """Every message of kedge's against RFC 3261, 3262, 3264 (checker.py), as far as the peers are traced; not of soaks."""
        if not self.sip_strict or self.killed:
            return
        for peer in self.peers.values():
            if not isinstance(peer, (Sipp, Raw)) or len(peer.messages()) > 5000:
                continue
            bad = checker.faults(peer, forks=any(t.get("forks") for t in self.trunks.values()))
            assert not bad, "%d faults in what kedge said:\n%s" % (len(bad), "\n".join(bad[:10]))

    def check_records(self):
        records = self.cdr()
        assert len(records) == self.expected_cdrs(), "%d call records, %d expected" % (len(records), self.expected_cdrs())
        ids = [r["uuid"] for r in records]
        assert len(set(ids)) == len(ids), "two records of one call: %s" % ids

    def check_audio(self):
        for name, rtp in self.rtps.items():
            for end in rtp.ends():
                bad = faults(end, self.allow_audio)
                assert not bad, "audio at %s, call %d: %s" % (name, end["call"], " ".join(bad))
                assert end["corr"] > 0.99, "audio at %s, call %d: likeness %.3f" % (name, end["call"], end["corr"])

    def check_exit(self):
        if self.kedge.poll() is None:
            self.kedge.send_signal(signal.SIGTERM)
        try:
            code = self.kedge.wait(10)
        except subprocess.TimeoutExpired:
            raise AssertionError("kedge did not end within 10 s of SIGTERM")
        assert code == 0 or self.killed, "kedge run: exit %d" % code

    def close(self, good):
        """Ends everything; throws the folder away if all was good."""
        for peer in self.peers.values():
            peer.stop()
        for rtp in self.rtps.values():
            if rtp.result is None:
                rtp.process.kill()
                rtp.process.wait()
        if self.kedge and self.kedge.poll() is None:
            for n in (signal.SIGTERM, signal.SIGTERM, signal.SIGTERM):
                self.kedge.send_signal(n)
                try:
                    self.kedge.wait(2)
                    break
                except subprocess.TimeoutExpired:
                    continue
            else:
                self.kedge.kill()
        self.lock.close()
        if self.lock6:
            self.lock6.close()
        if good:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what scenarios ask ----

    def heard(self, name, at_least=10, calls=None):
        """Every call at this peer heard at least so many packets, nothing missing at head or tail beyond what may be."""
        ends = self.rtps[name].ends()
        assert ends, "%s heard nothing" % name
        assert calls is None or len(ends) == calls, "%s: %d calls with audio, %d expected" % (name, len(ends), calls)
        for end in ends:
            assert end["heard"] >= at_least, "%s, call %d: heard %d packets, wanted %d" % (name, end["call"], end["heard"], at_least)
        return ends


def tail(text, size=1200):
    return "\n" + text[-size:] if text else ""


def libconfig(value, depth=0):
    """A dict as libconfig text."""
    pad = "\t" * depth
    out = ""
    for k, v in value.items():
        out += "%s%s = %s;\n" % (pad, k, setting(v, depth))
    return out


def setting(v, depth):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (int, float)):
        return str(v)
    if isinstance(v, str):
        return '"%s"' % v.replace("\\", "\\\\").replace('"', '\\"')
    if isinstance(v, dict):
        return "{\n%s%s}" % (libconfig(v, depth + 1), "\t" * depth)
    if v and isinstance(v[0], dict):
        return "(\n%s\n%s)" % (",\n".join("\t" * (depth + 1) + setting(x, depth + 1) for x in v), "\t" * depth)
    return "[ %s ]" % ", ".join(setting(x, depth) for x in v)
