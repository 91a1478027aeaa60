# SPDX-License-Identifier: MIT
"""silence_times_out (A156): the PBX cancels, the primary never says anything at all: its local timeout is no answer and starts nothing."""


def scenario(t):
    t.time_scale = 8
    ca = t.silent("ca", {"OPTIONS": 200})
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100), pause(0.1), cancel(), recv(200), recv(487), ack()])
    t.run()
    t.until(lambda: cb.received("INVITE"), 6)
    gone = pbx.sent("CANCEL")[0].when
    assert not [m for m in ca.got("INVITE") if m.when > gone + 0.02], "an INVITE is repeated for a caller who is gone"
    assert cb.received("INVITE") == 0 and ca.received("CANCEL") == 0
