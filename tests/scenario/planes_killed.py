# SPDX-License-Identifier: MIT
"""planes_killed: kill -9 of kedge-sig and of kedge-media in the same moment under 40 calls with RTP, and of the new kedge-media once more while nobody owns these calls. The
relay goes on from the session table each time, every packet on its line, at most the batch in hand lost; a new call passes; the calls whose owner died are
closed once both their ends are silent, and all ports come back."""
import os
import signal
import time

from rtp import faults

CALLS = 40
BATCH = 64


def scenario(t):
    t.time_scale, t.killed, t.cdrs, t.audio_strict = 5, True, 1, False
    t.top["media"] = {"port_rest": "2s", "comfort_noise": False}
    t.carrier("ca", [recv("INVITE"), send(100), send(180), send(200), recv("ACK"), pause(8), quiet()], ends=2 * CALLS)
    t.start()
    assert t.until(lambda: t.media("ports_free") > 0, 5)
    free = t.media("ports_free")
    # The successor knows nothing of the call: 481 is its honest answer to the BYE.
    old = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(6), bye(), recv(481)],
                   numbers=["+4420718%05d" % i for i in range(CALLS)], rate=60)
    assert t.until(lambda: t.media("sessions") == CALLS and len(old.sent("ACK")) == CALLS, 10), t.figures()
    time.sleep(1)
    for pid in [t.pid(plane) for plane in ("sig", "media")]:
        os.kill(pid, signal.SIGKILL)
    ready = lambda n, plane: len([e for e in t.events("plane.ready") if e["plane"] == plane]) == n
    assert t.until(lambda: ready(2, "media") and ready(2, "sig"), 10)
    assert t.until(lambda: t.media("sessions") == CALLS, 2), t.figures()
    os.kill(t.pid("media"), signal.SIGKILL)
    assert t.until(lambda: ready(3, "media") and t.media("sessions") == CALLS, 10), t.figures()
    new = t.caller(call(talk=0.5), name="new", user="1002")
    assert new.wait(10) == 0, new.errors()
    t.run(40)
    assert t.until(lambda: t.media("sessions") == 0 and t.media("ports_free") == free, 20), (free, t.figures())


def after(t):
    lost = t.rtps["ca"].total("lost") + t.rtps["caller1"].total("lost")
    gap = max(e["gap_ms"] for n in ("ca", "caller1") for e in t.rtps[n].ends() if e["heard"] > 100)
    print("lost %d packets in two kills, longest gap %.0f ms" % (lost, gap))
    assert lost <= 2 * BATCH, "%d lost" % lost
    for e in t.rtps["ca"].ends() + t.rtps["caller1"].ends():
        assert not faults(e, ("lost",)), faults(e)
        assert e["corr"] > 0.9, e["corr"]  # one packet of a loud word is 0.01
    t.heard("caller1", 200, calls=CALLS)
    t.heard("new", 20, calls=1)
