# SPDX-License-Identifier: MIT
"""fax: the carrier asks for T.38 in mid-call and the PBX takes it: each side sees one image line with kedge's address, the port it knows and no word of the
other; UDPTL datagrams, no RTP at all, pass both ways untouched, also through a kedge-media that was started again. Then it goes back to audio, in the same port, and the audio is whole again."""
import os
import re
import signal
import socket

T38 = """v=0
o=peer 1000 {version} IN IP4 [local_ip]
s=fax at [local_ip]
c=IN IP4 [local_ip]
t=0 0
m=image {port} udptl t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxRateManagement:transferredTCF
a=T38FaxUdpEC:t38UDPRedundancy
"""
DATAGRAMS = [bytes([0, n, 6, 0xc0, 1, 0x80, 0, 0]) * 4 for n in range(20)]


def udptl(ip):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((ip, 0))
    s.settimeout(0.3)
    return s


def heard(s):
    found = set()
    try:
        while len(found) < len(DATAGRAMS):
            found.add(s.recv(2000))
    except socket.timeout:
        pass
    return found


def exchange(here, there, to):
    for data in DATAGRAMS:
        here.sendto(data, to[here])
        there.sendto(data[::-1], to[there])
    assert heard(there) == set(DATAGRAMS) and heard(here) == {d[::-1] for d in DATAGRAMS}


def scenario(t):
    t.killed = True
    here, there = udptl(t.ip(1)), udptl(t.ip(2))
    ca = t.carrier("ca", answer()[:-2] + [pause(0.3), quiet(), invite(sdp={"text": T38.format(version=2, port=there.getsockname()[1])}),
                                          recv(100, optional=True), recv(200, rtp=False), ack(), pause(4), invite(sdp={"version": 3}),
                                          recv(100, optional=True), recv(200, rtp=True), ack(), recv("BYE"), send(200)])
    pbx = t.caller(call(talk=0)[:-3] + [recv("INVITE"), quiet(), send(200, sdp={"text": T38.format(version=2, port=here.getsockname()[1])}, speak=False),
                                        recv("ACK"), recv("INVITE"), send(200, sdp={"version": 3}), recv("ACK"), pause(0.6)] + hangup())
    assert t.until(lambda: ca.received("200 INVITE") == 1 and pbx.received("ACK") == 1, 15)
    toward_pbx, toward_ca = pbx.first("INVITE").body, ca.got("200 INVITE")[0].body
    for body, known in ((toward_pbx, pbx.first("200 INVITE").body), (toward_ca, ca.first("INVITE").body)):
        port = re.search(r"m=image (\d+) udptl t38\s", body).group(1)
        assert re.search(r"m=audio (\d+)", known).group(1) == port and len(re.findall("m=", body)) == 1, body
        assert "a=T38FaxVersion:0" in body and "a=T38FaxUdpEC:t38UDPRedundancy" in body and "fax at" not in body and "rtpmap" not in body, body
    to = {s: (t.ip(ip), int(re.search(r"m=image (\d+)", body).group(1))) for s, ip, body in ((here, 3, toward_pbx), (there, 4, toward_ca))}
    exchange(here, there, to)
    os.kill(t.pid("media"), signal.SIGKILL)
    assert t.until(lambda: len([e for e in t.events("plane.ready") if e["plane"] == "media"]) == 2 and t.media("sessions") == 1, 5)
    exchange(here, there, to)
    t.audio_strict = False  # silent while the fax went through
    t.run()
    assert "m=audio" in pbx.got("INVITE")[-1].body and "T38" not in pbx.got("INVITE")[-1].body


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
