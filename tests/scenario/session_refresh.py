# SPDX-License-Identifier: MIT
"""session_refresh (RFC 4028): kedge refreshes both legs, each by half of what was agreed there: by UPDATE without a body at the carrier that allows it, by INVITE with the
very SDP the PBX had at the one that does not. Neither side hears of the other's, audio is untouched."""
import re

TIMER = ["Supported: timer", "Session-Expires: 90;refresher=uas"]


def scenario(t):
    t.time_scale = 20  # 90 s are 4.5
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), pause(0.05),
                          send(200, headers=["Allow: INVITE, ACK, BYE, CANCEL, UPDATE", "Require: timer", "Session-Expires: 120;refresher=uac"]), recv("ACK"),
                          recv("UPDATE"), send(200, headers=["Session-Expires: 120;refresher=uac"]), recv("BYE"), send(200)])
    pbx = t.caller([invite(headers=TIMER), recv(100, optional=True), recv(180, optional=True), recv(200), ack(),
                    recv("INVITE"), send(200, sdp={"version": 1}, speak=False, headers=["Session-Expires: 90;refresher=uac"]), recv("ACK"),
                    recv("INVITE"), send(200, sdp={"version": 1}, speak=False, headers=["Session-Expires: 90;refresher=uac"]), recv("ACK"), pause(0.3)] + hangup())
    t.run()
    assert ca.received("INVITE") == 1 and ca.received("UPDATE") == 1
    update = ca.first("UPDATE")
    assert update["Session-Expires"] == "120;refresher=uac" and not update.body.strip() and update["Contact"], update.text
    assert pbx.received("INVITE") == 2 and not pbx.got("UPDATE")
    told = pbx.first("200 INVITE")
    for m in pbx.got("INVITE"):
        assert m["Session-Expires"] == "90;refresher=uac", m.text
        assert m.body == told.body, "the SDP of a refresh is the one that holds:\n%s\n%s" % (told.body, m.body)
    assert 1.9 < t.gap(told, pbx.first("INVITE")) < 4.4, t.gap(told, pbx.first("INVITE"))
    assert 2.6 < t.gap(ca.sent("200 INVITE")[0], update) < 6, t.gap(ca.sent("200 INVITE")[0], update)
    assert re.search(r"CSeq: \d+ UPDATE", update.text)


def after(t):
    t.heard("caller1", 200)
    t.heard("ca", 200)
