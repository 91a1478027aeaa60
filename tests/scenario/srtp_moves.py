# SPDX-License-Identifier: MIT
"""srtp_moves (lesson 21: one-way audio when cranking back after 183 with SRTP): the first carrier's early media is encrypted, then 503; the second answers with keys of its
own and another suite. The PBX is encrypted too: its 183 and its 200 say the same, byte for byte, and it hears both carriers on one line of one key. No key went to two
hops. A second PBX in clear goes the same way."""
import re


def scenario(t):
    t.trunk("pbx1", "pbx", 1, srtp="required")
    t.trunk("pbx2", "pbx", 2)
    t.trunks["pbx1"]["sources"] = ["127.%d.1.1" % t.slot]
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(183), pause(0.6), quiet(), send(503), recv("ACK")], secure=secure(), srtp="required")
    cb = t.carrier("cb", answer(ring=0.02, after=0.1), secure=secure("AEAD_AES_128_GCM", tag=3), srtp="required")
    steps = [invite(), recv(100, optional=True), recv(183), recv(180, optional=True), recv(200), ack(), pause(1.5)] + hangup()
    pbx = t.caller(steps, secure=secure(tag=5))
    clear = t.caller(steps, host=2, numbers=["+442071838751"])
    t.run()
    assert pbx.first(183).body == pbx.first("200 INVITE").body and clear.first(183).body == clear.first("200 INVITE").body
    assert "crypto" not in clear.first(183).body
    keys = [k for peer in (ca, cb) for m in peer.got("INVITE") for k in re.findall(r"inline:(\S+)", m.body)]
    assert len(keys) == len(set(keys)) == 16, keys
    assert t.until(lambda: len(t.cdr()) == 2, 3)
    assert [r["media"]["srtp_out"] for r in t.cdr()] == ["AEAD_AES_128_GCM"] * 2


def after(t):
    for name in ("caller1", "caller2"):
        for end in t.heard(name, 20):
            assert end["switches"] == 1, end
    t.heard("ca", 5)
    t.heard("cb", 10)
