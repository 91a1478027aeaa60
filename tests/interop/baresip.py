# SPDX-License-Identifier: MIT
"""baresip: a call from baresip through kedge to baresip, hung up by its caller. What the callee's phone plays is what the caller's spoke, sample by sample, and the other way round."""
import shutil

from phone import Phone, heard_alike


def scenario(t):
    if not shutil.which("baresip"):
        raise Skip("no baresip: tools/deps interop")
    # Its RTP comes from 127.0.0.1, whatever address it is told to have.
    t.trunk("pbx1", "pbx", 1, media_nets=["127.0.0.1/32"])
    t.trunk("ca", "carrier", 1, media_nets=["127.0.0.1/32"])
    t.start()
    phones = []
    try:
        phones = [Phone(t, "alice", "1001", t.ip(1), 20000 + 2 * t.slot, 1), Phone(t, "bob", "+442071838750", t.ip(2), 20001 + 2 * t.slot, 2)]
        alice, bob = phones
        alice.do("dial", "sip:+442071838750@%s" % t.ip(3))
        assert t.until(lambda: "established" in alice.text() and "established" in bob.text(), 10), alice.text()[-800:]
        t.until(lambda: False, 3)
        alice.do("hangup")
        assert t.until(lambda: len(t.cdr()) == 1, 10), "no call record: %s" % bob.text()[-800:]
    finally:
        for p in phones:
            p.stop()
    heard_alike(((bob, alice), (alice, bob)))
    t.cdrs = 1
