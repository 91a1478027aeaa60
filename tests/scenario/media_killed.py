# SPDX-License-Identifier: MIT
"""media_killed: kill -9 of kedge-media, twice, under 40 calls with RTP that heard early media of a first carrier before. The successor goes on from the session table with the same sockets:
every call is heard again, on the same line, no packet of one call in another, and no call ends by it. The packets under way meanwhile wait
in the sockets: lost is at most the batch in hand. Calls after it pass; all ports come back."""
import os
import signal
import time

CALLS = 40
BATCH = 64  # media.batch: packets a worker may hold when it dies


def scenario(t):
    t.killed = True
    t.allow_audio = ("lost",)
    t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.3), quiet(), send(503), recv("ACK")], breaker={"consecutive": 1000, "window": []})
    t.carrier("cb", answer())
    t.start()
    assert t.until(lambda: t.media("ports_free") > 0, 5)
    free = t.media("ports_free")
    old = t.caller(call(talk=5), numbers=["+4420718%05d" % i for i in range(CALLS)], rate=60)
    assert t.until(lambda: t.media("sessions") == CALLS and len(old.sent("ACK")) == CALLS, 15), t.figures()
    for kill in (1, 2):
        time.sleep(1)
        os.kill(t.pid("media"), signal.SIGKILL)
        assert t.until(lambda: len([e for e in t.events("plane.ready") if e["plane"] == "media"]) == 1 + kill, 5)
    assert t.until(lambda: t.media("sessions") == CALLS, 2), t.figures()
    new = t.caller(call(talk=0.5), name="new", user="1002")
    assert new.wait(10) == 0, new.errors()
    t.run()
    assert t.until(lambda: t.media("sessions") == 0 and t.media("ports_free") == free, 6), (free, t.figures())
    assert t.figures()["sig"]["starts"] == 1


def after(t):
    lost = t.rtps["cb"].total("lost") + t.rtps["caller1"].total("lost")
    gap = max(e["gap_ms"] for n in ("cb", "caller1") for e in t.rtps[n].ends() if e["heard"] > 100)
    print("lost %d packets in two kills, longest gap %.0f ms" % (lost, gap))
    assert lost <= 2 * BATCH, "%d lost" % lost
    t.heard("caller1", 200, calls=CALLS)
    t.heard("new", 20, calls=1)
