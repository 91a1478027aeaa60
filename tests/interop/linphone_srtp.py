# SPDX-License-Identifier: MIT
"""linphone_srtp: linphone through kedge to linphone with SRTP by SDES: encrypted on both sides, on the PBX's alone, on the carrier's alone. What one records is what the other
one's file said."""
import shutil

from phone import Linphone, heard_alike

KINDS = ((True, True), (True, False), (False, True))


def play(t, n, inside, outside):
    phones = []
    try:
        phones = [Linphone(t, "alice%d" % n, "1001", t.ip(1), 1, inside), Linphone(t, "bob%d" % n, "+4420718387%d0" % n, t.ip(2, n + 1), 2, outside)]
        alice, bob = phones
        alice.do("call sip:+4420718387%d0@%s" % (n, t.ip(3)))
        assert t.until(lambda: "connected" in alice.text(), 10), alice.text()[-800:]
        t.until(lambda: False, 4)
        alice.do("terminate")
        assert t.until(lambda: len(t.cdr()) == n + 1, 10), "no call record: %s" % bob.text()[-800:]
        t.until(lambda: False, 0.5)
    finally:
        for p in phones:
            p.stop()
    heard_alike(((bob, alice), (alice, bob)), 0.99, 1.5)
    media = t.cdr()[n]["media"]
    assert (bool(media["srtp_in"]), bool(media["srtp_out"])) == (inside, outside), media


def scenario(t):
    if not shutil.which("linphonec"):
        raise Skip("no linphonec: tools/deps interop")
    t.trunk("pbx1", "pbx", 1, srtp="optional", codecs=["PCMU"])
    for n, (_, outside) in enumerate(KINDS):
        t.trunk("c%d" % n, "carrier", n + 1, srtp="required" if outside else "off", codecs=["PCMU"])
    t.profiles = {"p%d" % n: {"targets": [{"trunk": "c%d" % n}]} for n in range(len(KINDS))}
    t.routes = [{"name": "r%d" % n, "from": "pbx1", "did": "+4420718387%d0" % n, "profile": "p%d" % n} for n in range(len(KINDS))]
    t.start()
    for n, (inside, outside) in enumerate(KINDS):
        play(t, n, inside, outside)
    t.cdrs = len(KINDS)
