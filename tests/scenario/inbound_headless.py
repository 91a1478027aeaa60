# SPDX-License-Identifier: MIT
"""inbound_headless: a carrier called the PBX, and its node was restarted since: it answers the refresh of the session timer with 481. Its audio flows on, the PBX is muted and
sends none: the call lives on without that signaling until the PBX hangs up."""


def scenario(t):
    t.time_scale = 60
    pbx = t.pbx([recv("INVITE"), send(100), send(180), send(200, speak=False), recv("ACK"), pause(2.5), bye(rtp=False), recv(200)])
    t.absent("ca")
    ca = t.caller([invite(headers=["Supported: timer", "Session-Expires: 90;refresher=uas", "Min-SE: 90", "Allow: INVITE, ACK, BYE, CANCEL"]), recv(100, optional=True),
                   recv(180, optional=True), recv(200), ack(), recv("INVITE", timeout_ms=8000), send(481), recv("ACK"), recv("BYE", timeout_ms=8000), send(481)],
                  net=2, numbers=["+442071838750"])
    t.run()
    assert ca.received("BYE") == 1
    assert [(e["trunk"], e["why"]) for e in t.told("call.headless", 1)] == [("ca", "refresh_failed")]


def after(t):
    assert t.cdr()[0]["ended_by"] == "callee", t.cdr()[0]
    t.heard("pbx1", 40)
