# SPDX-License-Identifier: MIT
"""video_killed: kill -9 of kedge-media under a call with a picture. The successor brings back both anchors from the session table, on the same sockets and ports: 2 Mbit/s go on both
ways on the same line, and what is lost is at most what the dead one had in hand. Both anchors end with the call."""
import os
import re
import signal

from picture import Picture

SDP = """v=0
o=peer 1000 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""
BATCH = 64  # media.batch: packets a worker may hold when it dies


def video_of(m):
    return int(re.search(r"m=video (\d+) RTP/AVP 97\s", m.body).group(1))


def whole(one, sender):
    """What it heard of the sender: bit for bit, in order, on one line whose numbers are the sender's but for an offset."""
    assert all(h[7] and h[5] == sender for h in one.heard) and len({h[2] for h in one.heard}) == 1
    for a, b in zip(one.heard, one.heard[1:]):
        assert b[6] > a[6] and (b[0] - a[0]) & 0xffff == b[6] - a[6], (a, b)
    return one.heard[-1][6] - one.heard[0][6] + 1 - len(one.heard)


def scenario(t):
    t.killed = True
    t.allow_audio = ("lost",)
    here, there = Picture(t.ip(1), 1), Picture(t.ip(2), 2)
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(200, sdp={"text": SDP + there.line()}), recv("ACK"), recv("BYE"), send(200)])
    pbx = t.caller([invite(sdp={"text": SDP + here.line()}), recv(100, optional=True), recv(200), ack(), pause(5)] + hangup())
    assert t.until(lambda: ca.received("ACK"), 10)
    here.start((t.ip(3), video_of(pbx.first("200 INVITE"))))
    there.start((t.ip(4), video_of(ca.first("INVITE"))))
    assert t.until(lambda: len(here.heard) > 100 and len(there.heard) > 100, 5)
    os.kill(t.pid("media"), signal.SIGKILL)
    assert t.until(lambda: len([e for e in t.events("plane.ready") if e["plane"] == "media"]) == 2 and t.media("sessions") == 2, 5)
    heard = len(here.heard), len(there.heard)
    assert t.until(lambda: len(here.heard) > heard[0] + 150 and len(there.heard) > heard[1] + 150, 5)
    here.pause()
    there.pause()
    assert t.until(lambda: here.heard[-1][6] == there.sent - 1 and there.heard[-1][6] == here.sent - 1, 2)
    lost = whole(here, 2) + whole(there, 1)
    assert lost <= BATCH, lost
    t.run()
    assert t.until(lambda: t.media("sessions") == 0 and t.media("ports_lent") == 0, 5)
