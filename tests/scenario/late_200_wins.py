# SPDX-License-Identifier: MIT
"""late_200_wins (A155): the carrier given up for its silence answers 200 before the second one does: it wins, the second is cancelled, and the
caller sees one 200; had the second answered first, the late one would get ACK and BYE."""


def scenario(t):
    def late(raw, m):
        if len(raw.got("INVITE")) == 1:
            raw.later(2.5, lambda: raw.reply(m, 200, sdp=True))
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": late, "BYE": 200})
    cb = t.carrier("cb", [recv("INVITE"), send(100), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    pbx = t.caller(call(talk=0.3))
    t.run()
    assert len(pbx.got("200 INVITE")) == 1
    assert "cause=200" in cb.first("CANCEL")["Reason"]
    assert cb.received("CANCEL") == 1 and ca.received("ACK") == 1 and ca.received("BYE") == 1
    t.audio_strict = False


def after(t):
    assert t.cdr()[0]["trunk"] == "ca", t.cdr()[0]
