# SPDX-License-Identifier: MIT
"""srtp_killed: kill -9 of kedge-media, of kedge-sig and of kedge-media again under 12 calls that are encrypted on both sides. The successors go on from the session table: every call is heard on, on the
same line, under the same keys; not a packet of it could not be read. A call after that has new keys."""
import os
import re
import signal
import time

CALLS, BATCH = 12, 64


def scenario(t):
    t.killed, t.cdrs = True, 1
    t.allow_audio = ("lost",)
    t.trunk("pbx1", "pbx", 1, srtp="required")
    ca = t.carrier("ca", answer()[:-2] + [pause(9.5), quiet()], secure=secure("AEAD_AES_128_GCM", tag=3), srtp="required")
    old = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(9), bye(), recv(481)], secure=secure(tag=2),
                   numbers=["+4420718%05d" % i for i in range(CALLS)], rate=40)
    assert t.until(lambda: t.media("sessions") == CALLS and len(old.sent("ACK")) == CALLS, 10), t.figures()
    for plane, starts in (("media", 2), ("sig", 2), ("media", 3)):
        time.sleep(0.7)
        os.kill(t.pid(plane), signal.SIGKILL)
        assert t.until(lambda: len([e for e in t.events("plane.ready") if e["plane"] == plane]) == starts, 5)
    new = t.caller(call(talk=0.5), name="new", to=t.ip(3) + ":5060", user="1002", secure=secure(tag=2))
    assert old.wait(20) == 0, old.errors()
    assert new.wait(10) == 0, new.errors()
    keys = [k for m in ca.got("INVITE") for k in re.findall(r"inline:(\S+)", m.body)]
    assert len(keys) == len(set(keys)) == 4 * (CALLS + 1), len(keys)


def after(t):
    lost = t.rtps["ca"].total("lost") + t.rtps["caller1"].total("lost")
    print("lost %d packets in two kills" % lost)
    assert lost <= 2 * BATCH, "%d lost" % lost
    for end in t.heard("caller1", 120, calls=CALLS):
        assert end["sources"][0]["last"] > 350, end  # seven seconds on, behind the last kill
    t.heard("new", 5, calls=1)
