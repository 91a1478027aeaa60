# SPDX-License-Identifier: MIT
"""ring_300 (A111): how long a phone may ring is a setting. 295 s of it (here 4.9): the caller hears 18x again each 60 s, a phone that is answered at 282 s is answered; one
that is not gets CANCEL at 295 s, its caller 480 with Q.850 19. Where the setting is 50 s it is over then."""


def scenario(t):
    t.time_scale = 60
    rings = [recv("INVITE"), send(100), send(180)]
    never = rings + [recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")]
    ca = t.carrier("ca", {"1": rings + [pause(4.7), send(200), recv("ACK"), recv("BYE"), send(200)], "2": never}, timers={"ring": "295s"})
    cb = t.carrier("cb", never, timers={"ring": "50s"})
    t.profiles = {"long": {"targets": [{"trunk": "ca"}]}, "short": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": "long", "from": "pbx1", "prefix": "+441", "profile": "long"}, {"name": "short", "from": "pbx1", "prefix": "+442", "profile": "short"}]
    t.caller(call(talk=0.1), ["+44101"])
    t.caller(fails(480), ["+44102"])
    soon = t.caller(fails(480), ["+44202"])
    t.run()
    rang = [m for m in ca.sent(180) if m["Call-ID"] == ca.first("CANCEL")["Call-ID"]]
    assert 4.85 < t.gap(rang[0], ca.first("CANCEL")) < 6, "295 s are not 295 s"
    assert 0.8 < t.gap(cb.sent(180)[0], cb.first("CANCEL")) < 2, "50 s are not 50 s"
    assert "Q.850;cause=19" in soon.first(480).text and "Q.850;cause=19" in t.peers["caller2"].first(480).text
    assert len(t.peers["caller1"].got(180)) == 5, "18x at 0, 60, 120, 180, 240 s"
