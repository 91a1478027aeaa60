# SPDX-License-Identifier: MIT
"""baresip_srtp: baresip through kedge to baresip with SRTP by SDES: encrypted on both sides, on the PBX's alone, on the carrier's alone. What the callee's phone plays is
what the caller's spoke, and the other way round."""
import shutil

from phone import Phone, heard_alike

KINDS = (("srtp-mand", "srtp-mand"), ("srtp", None), ("srtp-mandf", "srtp-mandf"), (None, "srtp-mand"))  # RTP/SAVP, RTP/AVP with a=crypto, RTP/SAVPF


def play(t, n, inside, outside):
    phones = []
    control = 20000 + 2 * t.slot
    try:
        phones = [Phone(t, "alice%d" % n, "1001", t.ip(1), control, 1, inside), Phone(t, "bob%d" % n, "+4420718387%d0" % n, t.ip(2, n + 1), control + 1, 2, outside)]
        alice, bob = phones
        alice.do("dial", "sip:+4420718387%d0@%s" % (n, t.ip(3)))
        assert t.until(lambda: "established" in alice.text() and "established" in bob.text(), 10), alice.text()[-800:]
        t.until(lambda: False, 3)
        alice.do("hangup")
        assert t.until(lambda: len(t.cdr()) == n + 1, 10), "no call record: %s" % bob.text()[-800:]
    finally:
        for p in phones:
            p.stop()
    heard_alike(((bob, alice), (alice, bob)), 0.99)
    media = t.cdr()[n]["media"]
    assert (bool(media["srtp_in"]), bool(media["srtp_out"])) == (bool(inside), bool(outside)), media


def scenario(t):
    if not shutil.which("baresip"):
        raise Skip("no baresip: tools/deps interop")
    # Its RTP comes from 127.0.0.1, whatever address it is told to have.
    t.trunk("pbx1", "pbx", 1, media_nets=["127.0.0.1/32"], srtp="optional")
    for n, (_, outside) in enumerate(KINDS):
        t.trunk("c%d" % n, "carrier", n + 1, media_nets=["127.0.0.1/32"], srtp="required" if outside else "off")
    t.profiles = {"p%d" % n: {"targets": [{"trunk": "c%d" % n}]} for n in range(len(KINDS))}
    t.routes = [{"name": "r%d" % n, "from": "pbx1", "did": "+4420718387%d0" % n, "profile": "p%d" % n} for n in range(len(KINDS))]
    t.start()
    for n, (inside, outside) in enumerate(KINDS):
        play(t, n, inside, outside)
    t.cdrs = len(KINDS)
