# SPDX-License-Identifier: MIT
"""ten_targets (A1 A56): ten carriers, each with early media of its own before it says 503, the tenth answers: more branches than an anchor has ends. The PBX hears the
last one, in one dialog."""


def scenario(t):
    for i in range(9):
        t.silent("c%d" % i, {"OPTIONS": 200, "INVITE": lambda raw, m: (raw.reply(m, 183, sdp=True), raw.later(0.1, lambda: raw.reply(m, 503)))})
    last = t.carrier("last", answer())
    t.profile = {"max_retries": 9}
    pbx = t.caller([invite(), recv(100, optional=True), recv(183), recv(180, optional=True), recv(200), ack(), pause(0.6)] + hangup())
    t.run()
    assert last.received("INVITE") == 1
    assert len({m.to_tag for m in pbx.got(183) + pbx.got("200 INVITE")}) == 1


def after(t):
    t.heard("last", 20)
    t.heard("caller1", 20)
    assert len(t.cdr()[0]["attempts"]) == 10
