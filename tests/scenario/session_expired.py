# SPDX-License-Identifier: MIT
"""session_expired (RFC 4028 10): who promised to refresh and does not has its session ended. The PBX: BYE to both, and the record says so. The carrier, whose audio still
flows: only its signaling counts as dead, the call goes on, and its BYE goes there all the same."""


def scenario(t):
    t.time_scale = 20  # 90 s are 4.5, and a third before that nobody waits longer
    ca = t.carrier("ca", {"111": answer(),
                          "222": [recv("INVITE"), send(100), send(180), pause(0.05),
                                  send(200, headers=["Require: timer", "Session-Expires: 90;refresher=uas"]), recv("ACK"), recv("BYE"), send(200)]}, session_expires="90s")
    one = t.caller([invite(headers=["Supported: timer", "Session-Expires: 90;refresher=uac"]), recv(100, optional=True), recv(180, optional=True), recv(200), ack(),
                    recv("BYE", timeout_ms=9000), send(200)], numbers=["+44111"], host=1)
    two = t.caller(call(talk=5), numbers=["+44222"], host=2)
    t.allow_audio = ("lost",)
    t.run()
    assert 2.4 < t.gap(one.first("200 INVITE"), one.first("BYE")) < 6, t.gap(one.first("200 INVITE"), one.first("BYE"))
    assert t.until(lambda: len(t.cdr()) == 2, 5)
    ended = {r["dst"]: (r["hangup_cause"], r["ended_by"]) for r in t.cdr()}
    assert ended["+44111"] == ("session_expired", "kedge"), ended
    assert ended["+44222"] == ("normal_clearing", "caller"), ended
    assert two.received("BYE") == 0 and ca.received("BYE") == 2
    headless = t.told("call.headless")
    assert [(e["trunk"], e["why"]) for e in headless] == [("ca", "session_expired")], headless


def after(t):
    t.heard("caller2", 200)
