# SPDX-License-Identifier: MIT
"""late_offer_unusable: the PBX's ACK brings no answer to the offer it got, and in a second call one with a codec it was not offered: both legs get a BYE,
and the record says why."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), pause(0.1), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)])
    end = [recv("BYE"), send(200)]
    begin = [invite(sdp=False), recv(100, optional=True), recv(180), recv(200, rtp=False)]
    none = t.caller(begin + [ack()] + end)
    other = t.caller(begin + [ack(sdp={"pts": [18]})] + end)
    t.run()
    assert ca.received("BYE") == 2 and none.received("BYE") == 1 and other.received("BYE") == 1
    for m in ca.got("BYE") + none.got("BYE") + other.got("BYE"):
        assert "Q.850;cause=88" in m["Reason"], m.text


def after(t):
    assert [r["hangup_cause"] for r in t.cdr()] == ["bad_answer", "bad_answer"], t.cdr()
