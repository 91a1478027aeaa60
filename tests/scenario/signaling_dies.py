# SPDX-License-Identifier: MIT
"""signaling_dies (A75): calls are up through a carrier when its signaling dies. The audio of all of them goes on, not a packet lost, for as long as it is dead, and
a new call goes through the next carrier. Ten calls for 6 s; signaling_dies_long: a hundred calls for 60 s."""
import os
import time

LONG = "KEDGE_LONG" in os.environ
CALLS, TALK_S = (100, 60) if LONG else (10, 6)


def scenario(t):
    t.keep_audio = not LONG
    t.top = {"limits": {"max_calls": CALLS + 10}}
    ca = t.carrier("ca", answer())
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(TALK_S)] + [bye(), recv(200)],
                   numbers=["+4420718%05d" % i for i in range(CALLS)], rate=20)
    t.start()
    assert t.until(lambda: len(pbx.got("200 INVITE")) == CALLS, 10 + CALLS / 20)
    ca.freeze()
    dead = time.monotonic()
    new = t.caller(call(talk=0.5), name="new")
    assert new.wait(15) == 0
    assert cb.received("INVITE") == 1
    # The first of them hangs up TALK_S after its answer; the carrier is back just before.
    t.until(lambda: pbx.sent("BYE"), pbx.first("200 INVITE").when + TALK_S - 0.7 - time.time())
    assert not pbx.sent("BYE")
    print("dead for %.1f s" % (time.monotonic() - dead))
    ca.thaw()
    t.run(TALK_S + 20)


def after(t):
    # The carrier, awake again, may still answer the INVITE that waited in its socket: that call is ended at once, and is no more than these.
    for name in ("ca", "caller1"):
        assert sum(end["heard"] >= 50 * TALK_S - 50 for end in t.heard(name, 0)) == CALLS, name
