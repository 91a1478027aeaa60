# SPDX-License-Identifier: MIT
"""lossy_network (A141 A105): a packet filter takes 8 of 100 RTP packets of the primary's, by chance, in a network of the test's own. What kedge counted as lost is what the filter took,
within 5 %; the primary is DEGRADED by loss with the figure, new calls prefer the secondary. Skipped where no network can be made."""
import ctypes
import json
import os
import shutil
import subprocess

CALLS = 14


def sh(command, may_fail=False):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    assert may_fail or done.returncode == 0, "%s: %s" % (command, done.stderr)
    return done.stdout if not may_fail else done.returncode


def own_network():
    if os.geteuid() != 0 or not shutil.which("nft"):
        raise Skip("needs root and nftables")
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        raise Skip("no network namespace: %s" % os.strerror(ctypes.get_errno()))
    sh("ip link set lo up")
    if sh("nft add table ip lossy", may_fail=True) != 0:
        raise Skip("the kernel has no nf_tables")
    sh("nft add chain ip lossy input { type filter hook input priority 0 ; }")


def taken():
    rules = json.loads(sh("nft -j list table ip lossy"))["nftables"]
    return next(e["counter"]["packets"] for r in rules if "rule" in r for e in r["rule"]["expr"] if "counter" in e)


def scenario(t):
    own_network()
    t.audio_strict = False
    t.carrier("ca", answer())
    t.carrier("cb", answer())
    t.targets = ["ca", "cb"]
    t.start()
    state = lambda: [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == "ca"][-1]
    # RTP alone: its second byte is the payload type, 0.
    if sh("nft add rule ip lossy input ip saddr %s ip daddr %s udp dport != 5060 @th,72,8 < 128 numgen random mod 100 < 8 counter drop" % (t.ip(2, 1), t.ip(4)), may_fail=True) != 0:
        raise Skip("nft has no numgen here")
    t.caller(call(talk=4), numbers=["+441%07d" % i for i in range(CALLS)], rate=20, name="lossy")
    assert t.until(lambda: len(t.cdr()) == CALLS, 25)
    took, flows = taken(), [r["media"]["out"] for r in t.cdr()]
    lost, came = sum(f["lost"] for f in flows), sum(f["packets"] for f in flows)
    print("the filter took %d, %d came, kedge counted %d lost" % (took, came, lost))
    assert took > 150 and abs(lost - took) <= 0.05 * took + 2, (lost, took)
    assert t.until(lambda: state()[0] == "DEGRADED", 3), state()
    word, percent = state()[1].split(":")
    assert word == "loss" and abs(int(percent) - 100 * took / (took + came)) <= 1, (state(), took, came)
    mos = [f["mos"] for f in flows]
    assert all(2.5 < m < 4.2 for m in mos), mos
    t.caller(call(talk=0.3), numbers=["+4419999999"], host=3, name="prefers")
    assert t.until(lambda: len(t.cdr()) == CALLS + 1, 10)
    assert t.cdr()[-1]["trunk"] == "cb"
    t.run()
