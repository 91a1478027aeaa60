# SPDX-License-Identifier: MIT
"""kamailio: Kamailio as the PBX's proxy in front of kedge and as the carrier's behind it, at once, with Record-Route: the call is set up, held and resumed by the PBX and
hung up by either side through both proxies; the audio, which passes by them, is what was said."""
import os
import shutil
import subprocess

MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
CONFIG = """
debug=1
log_stderror=yes
children=2
tcp_children=2
dns=no
rev_dns=no
auto_aliases=no
tcp_source_ipv4=%(ip)s
listen=udp:%(ip)s:5060
listen=tcp:%(ip)s:5060
mpath="%(modules)s"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
request_route {
	if (!mf_process_maxfwd_header("20")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (is_method("OPTIONS") && !has_totag()) { sl_send_reply("200", "OK"); exit; }
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK") && t_check_trans()) { t_relay(); exit; }
		if (!is_method("ACK")) sl_send_reply("404", "Not here");
		exit;
	}
	if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
	t_check_trans();
	record_route();
	$du = "sip:%(next)s;transport=%(transport)s";
	if (!t_relay()) sl_reply_error();
}
"""


def scenario(t):
    if not shutil.which("kamailio") or not os.path.isdir(MODULES):
        raise Skip("no kamailio: tools/deps interop")
    theirs = [recv("INVITE"), send(200, sdp={"direction": "recvonly", "version": 2}, speak=False), recv("ACK"),
              recv("INVITE"), send(200, sdp={"version": 3}), recv("ACK")]
    up = answer()[:-2]
    t.proxied = ("ca",)
    t.serve("ca", 2, 50, {"1": up + theirs + [recv("BYE"), send(200)], "2": up + [pause(0.6)] + hangup()})
    t.trunk("ca", "carrier", 1)
    # In front: the PBX's proxy at 127.S.1.60. The second hop's address in Via and Record-Route is what a carrier's proxy tells its own phone.
    t.passes = [r"127\.%d\.2\.1$" % t.slot]
    t.audio_strict = False  # both sides fall silent for the hold
    front, behind = t.ip(1, 60), t.ip(2, 1)
    with Proxies(t, ((front, t.ip(3) + ":5060"), (behind, t.ip(2, 50) + ":5060"))):
        t.start()
        ours = [quiet(), pause(0.1), invite(sdp={"direction": "sendonly", "version": 2}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.2),
                invite(sdp={"version": 3}), recv(100, optional=True), recv(200), ack(), pause(0.5)]
        holder = t.caller(call(talk=0.6)[:-2] + ours + hangup(), ["+4420101"], to=front + ":5060")
        heard = t.caller(call(talk=0)[:-3] + [recv("BYE"), send(200)], ["+4420102"], to=front + ":5060")
        t.run()
        ca = t.peers["ca"]
        assert ca.received("INVITE") == 4 and ca.received("BYE") == 1 and heard.received("BYE") == 1
        route = [m for m in ca.got("BYE") + ca.got("ACK") if "127.%d.3." % t.slot in m.text]
        assert not route
        for m in ca.got("INVITE"):
            assert behind in m["Via"] and (m.to_tag or behind in m["Record-Route"]), m.text
        assert any(front in (m["Record-Route"] or "") for m in holder.got("200 INVITE")), holder.got(200)
        t.until(t.idle, 5)


def after(t):
    for name in ("ca", "caller1", "caller2"):
        for end in t.heard(name, 10):
            assert end["corr"] > 0.99 and not end["lost"] and not end["corrupt"], end


class Proxies:
    """One Kamailio for each (address, where it sends to)."""

    def __init__(self, t, hops):
        self.t, self.hops, self.running = t, hops, []

    def __enter__(self):
        for i, (ip, to) in enumerate(self.hops):
            path = os.path.join(self.t.folder, "kamailio%d" % i)
            os.makedirs(path + ".run", exist_ok=True)
            with open(path + ".cfg", "w") as f:
                f.write(CONFIG % {"ip": ip, "modules": MODULES, "next": to, "transport": self.t.transport})
            log = open(path + ".log", "w")
            self.running.append(subprocess.Popen(["kamailio", "-DD", "-E", "-f", path + ".cfg", "-Y", path + ".run", "-w", path + ".run", "-m", "32", "-M", "4"],
                                                 stdout=log, stderr=log, start_new_session=True))
        assert self.t.until(lambda: all(self.answers(ip) for ip, _ in self.hops), 10), "kamailio did not start: %s" % open(path + ".log").read()[-1500:]
        return self

    def answers(self, ip):
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            return s.connect_ex((ip, 5060)) == 0

    def __exit__(self, *_):
        for p in self.running:
            p.terminate()
        for p in self.running:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, 9)
                p.wait()
