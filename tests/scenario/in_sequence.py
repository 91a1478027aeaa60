# SPDX-License-Identifier: MIT
"""in_sequence: three hundred calls of five kinds, one after the other, leave nothing behind: when all are over and the planes have ended, jemalloc counts
what was taken and never given back: a handful of objects, the same as after one call. Under AddressSanitizer its leak check says so by the plane's exit code.
A call that outlives another's re-INVITE meets what that one left in the tables. What is given back only at the end shows in calls_10000: memory flat while
calls go on (sofia-sip keeps a client INVITE for 32 s whatever T1 is, so that takes minutes)."""
import os
import re

EACH = 60
KINDS = {"0": "answered", "1": "moved on", "2": "cancelled", "3": "held, ended by the carrier", "4": "refused"}


def scenario(t):
    t.env = {"MALLOC_CONF": "prof:true,prof_final:true,prof_leak:true,lg_prof_sample:0,prof_prefix:%s/heap" % t.folder}
    t.top = {"log": {"level": "info"}, "limits": {"max_calls": 190}}
    t.keep_audio, t.audio_strict, t.trace = False, False, False
    t.carrier("ca", {"0": UP + DOWN, "1": refuse(503), "2": [recv("INVITE"), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")],
                     "3": UP + [recv("INVITE"), send(200, speak=False), recv("ACK"), bye(rtp=False), recv(200)], "4": refuse(404)},
              breaker={"consecutive": 1000, "window": []}, min_call_duration="0s")
    t.carrier("cb", UP + DOWN)
    late = [recv("BYE"), send(200)]
    steps = {"0": CALL + OVER, "1": CALL + OVER, "2": CALL[:3] + [cancel(), recv(200), recv(487), ack()],
             "3": CALL + [invite(sdp={"direction": "sendonly", "version": 2}), recv(100, optional=True), recv(200, rtp=False), ack()] + late, "4": fails(404)}
    for kind, name in KINDS.items():
        t.caller(steps[kind], numbers=["+442071%04d%s" % (i, kind) for i in range(EACH)], rate=10, name=name.split()[0].strip(","))
    t.run(60)
    t.pids = {plane: t.pid(plane) for plane in ("sig", "media")}


UP = [recv("INVITE"), send(180), send(200, speak=False), recv("ACK")]
DOWN = [recv("BYE"), send(200)]
CALL = [invite(), recv(100, optional=True), recv(180), recv(200, rtp=False), ack()]
OVER = [bye(rtp=False), recv(200)]


def after(t):
    if t.sanitized():
        return  # check_exit has seen the exit codes
    # What planes that had no call leave is the libraries' own.
    t.launch()
    idle = {plane: t.pid(plane) for plane in t.pids}
    t.kedge.terminate()
    t.kedge.wait(10)
    for plane, pid in t.pids.items():
        objects = lost(t, pid) - lost(t, idle[plane])
        print("%s: %d objects never given back" % (plane, objects))
        assert objects < EACH // 2, "%s: %d objects lost, see jeprof %s/heap.%d*" % (plane, objects, t.folder, pid)


def lost(t, pid):
    """Objects that jemalloc counts in a process when it ends."""
    found = [f for f in os.listdir(t.folder) if f.startswith("heap.%d." % pid)]
    if not found:
        raise Skip("this jemalloc was built without profiling")
    with open(os.path.join(t.folder, found[0])) as f:
        return int(re.search(r"t\*: (\d+):", f.read()).group(1))
