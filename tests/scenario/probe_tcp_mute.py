# SPDX-License-Identifier: MIT
"""probe_tcp_mute (A78): a port that takes connections is no proof of health: a carrier that accepts TCP and never answers SIP is DOWN, as is one that refuses
the connection, before any call; the caller is on the third at once. Time runs ten times faster."""


def scenario(t):
    t.time_scale = 10
    mute = t.stream("mute")
    t.absent("gone", uri=t.uri(2, 2, "gone", ";transport=tcp"))
    cb = t.carrier("cb", answer())
    t.start()
    down = lambda name: [e["why"] for e in t.events("trunk.state") if e["trunk"] == name and e["to"] == "DOWN"]
    assert t.until(lambda: down("mute") and down("gone"), 8), t.events("trunk.state")
    assert down("mute") == ["options_timeout"] and down("gone") == ["options_timeout"]
    assert len(mute.got("OPTIONS")) >= 3
    evidence = lambda name: [e["evidence"] for e in t.events("trunk.state") if e["trunk"] == name and e["to"] == "DOWN"][0]
    assert "refused" in evidence("gone") and "unanswered" in evidence("mute"), (evidence("gone"), evidence("mute"))
    pbx = t.caller(call(talk=0.1))
    t.run()
    assert mute.received("INVITE") == 0
    assert t.gap(pbx.sent("INVITE")[0], cb.first("INVITE")) < 0.3
