# SPDX-License-Identifier: MIT
"""rtp: one rtp_peer process: the RTP ends of one SIPp peer, steered by the lines that SIPp logs into a FIFO."""
import json
import os
import socket
import struct
import subprocess

FAULTS = ("lost", "doubled", "reordered", "corrupt", "wrong_call", "echo", "wrong_pt", "strangers", "ssrc", "seq", "ts", "rtcp_bad", "srtp_bad")


class Rtp:
    def __init__(self, build, name, ip, port, ends, ident, folder, rtcp_ms=200, keep=True):
        self.name, self.ident, self.result = name, ident, None
        self.fifo = os.path.join(folder, name + ".fifo")
        os.mkfifo(self.fifo)
        args = [os.path.join(build, "rtp_peer"), "--bind", ip, "--port", str(port), "--ends", str(ends), "--id", str(ident), "--control", self.fifo,
                "--rtcp", str(rtcp_ms), "--name", name]
        if keep:
            args += ["--wav", folder, "--pcap", os.path.join(folder, name + ".pcap")]
        self.err = open(os.path.join(folder, name + ".rtp.err"), "w")
        self.path = os.path.join(folder, name + ".rtp.json")
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.err, start_new_session=True, text=True)
        line = self.process.stdout.readline()
        if line.strip() != "ready":
            raise RuntimeError("rtp_peer %s did not start" % name)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self):
        """Ends it; returns what it counted."""
        if self.result is None:
            try:
                out, _ = self.process.communicate("quit\n", timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                out, _ = self.process.communicate()
            self.err.close()
            with open(self.path, "w") as f:
                f.write(out)
            # What "report" asked for on the way stands in front of the last object.
            *self.reports, self.result = [json.loads('{"ends"' + part) for part in out.split('{"ends"')[1:]]
        return self.result

    def ends(self):
        return self.stop()["ends"]

    def total(self, field):
        return self.stop()["totals"][field]


def faults(end, allow=()):
    """What of one end's counts must not be there, as text."""
    return ["%s=%d" % (f, end[f]) for f in FAULTS if end[f] and f not in allow]


def report(ssrc):
    """An RTCP sender report."""
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, ssrc, 1, 1, 160, 5, 800)


def hears_rtcp(s):
    """Does a sender report come to this socket before its timeout?"""
    try:
        while s.recv(2000)[1] != 200:
            pass
        return True
    except socket.timeout:
        return False
