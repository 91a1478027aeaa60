# SPDX-License-Identifier: MIT
"""sig_killed: kill -9 of kedge-sig under 100 calls with RTP. The relay loses no packet, beyond the time after which an anchor without
owner is closed; SIP sent meanwhile waits for the successor and gets no ICMP, by UDP and TCP; a new call passes. Once both ends of an old
call are silent its anchor is closed: all slots and ports come back."""
import os
import signal
import socket
import time

CALLS = 100
ORPHAN = 10 / 5  # media.orphan_after by time_scale
OPTIONS = ("OPTIONS sip:{to}:5060 SIP/2.0\r\nVia: SIP/2.0/{how} {ip}:{port};branch=z9hG4bK-k{n}\r\nFrom: <sip:k@{ip}>;tag=k\r\n"
           "To: <sip:{to}>\r\nCall-ID: killed-{n}\r\nCSeq: {n} OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")


def ask(t, s, n, how="UDP"):
    ip, port = s.getsockname()
    s.send(OPTIONS.format(to=t.ip(3), how=how, ip=ip, port=port, n=n).encode())


def kill_under_questions(t):
    """A question each 2 ms around the kill. How many were asked, answered and met by ICMP; whether TCP was answered too."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((t.ip(1, 9), 0))
    s.connect((t.ip(3), 5060))
    s.setblocking(False)
    asked, answers, icmp, tcp, end = 0, set(), 0, None, time.monotonic() + 3
    while time.monotonic() < end:
        if asked == 50:
            os.kill(t.pid("sig"), signal.SIGKILL)
            tcp = socket.create_connection((t.ip(3), 5060), 2, (t.ip(1, 9), 0))
            ask(t, tcp, 9999, "TCP")
        try:
            asked += 1
            ask(t, s, asked)
        except ConnectionRefusedError:
            icmp += 1
        time.sleep(0.002)
        try:
            while True:
                answers.add(s.recv(4000).split(b"Call-ID: killed-")[1].split(b"\r\n")[0])
        except BlockingIOError:
            pass
        except ConnectionRefusedError:
            icmp += 1
    tcp.settimeout(2)
    return asked, len(answers), icmp, tcp.recv(4000).startswith(b"SIP/2.0 200")


def scenario(t):
    t.time_scale, t.killed, t.cdrs = 5, True, 1
    t.top["media"] = {"port_rest": "2s"}
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), send(200), recv("ACK"), pause(11), quiet()], ends=2 * CALLS)
    t.start()
    assert t.until(lambda: t.media("ports_free") > 0, 5)
    free = t.media("ports_free")
    # The successor knows nothing of the call: 481 is its honest answer to the BYE.
    old = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(9), bye(), recv(481)],
                   numbers=["+4420718%05d" % i for i in range(CALLS)], rate=60)
    assert t.until(lambda: t.media("sessions") == CALLS and len(old.sent("ACK")) == CALLS, 10), t.figures()
    asked, answered, icmp, tcp = kill_under_questions(t)
    print("killed: %d asked, %d answered, %d ICMP" % (asked, answered, icmp))
    assert icmp == 0 and tcp
    # What the dead one had read and not answered dies with it: the sender's timer A would send that again.
    assert answered >= asked - 20, "%d of %d answered" % (answered, asked)
    assert t.figures()["sig"]["starts"] == 2 and t.media("sessions") == CALLS
    time.sleep(ORPHAN)  # nobody owns them for longer than that, and they are heard still
    assert t.media("sessions") == CALLS and t.media("sessions_orphaned") == 0
    new = t.caller(call(talk=0.5), name="new", to=t.ip(3) + ":5060", user="1002")
    assert new.wait(10) == 0, new.errors()
    assert old.wait(20) == 0, old.errors()
    assert t.until(lambda: t.media("sessions") == 0, ORPHAN + 6), t.figures()
    assert t.media("sessions_orphaned") == CALLS
    assert t.until(lambda: t.media("ports_free") == free and t.media("ports_lent") == 0, 5), (free, t.figures())


def after(t):
    t.heard("caller1", 400, calls=CALLS)
    assert sum(e["heard"] >= 400 for e in t.heard("ca", 20, calls=CALLS + 1)) == CALLS
