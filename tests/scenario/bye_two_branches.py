# SPDX-License-Identifier: MIT
"""bye_two_branches (A156): the primary rang and died with 503, the second one rings: the caller hangs up by BYE. 487 to the INVITE, CANCEL to the branch that
lives, nothing at the third."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(183, sdp=False), pause(0.2), send(503), recv("ACK")])
    cb = t.carrier("cb", [recv("INVITE"), send(100), send(180), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK")])
    cc = t.carrier("cc", answer())
    t.caller([invite(), recv(100, optional=True), recv(183), recv(180), pause(0.2), bye(rtp=False), recv(200), recv(487), ack()])
    t.run()
    assert ca.received("CANCEL") == 0 and cb.received("CANCEL") == 1 and cc.received("INVITE") == 0


def after(t):
    assert t.cdr()[0]["hangup_cause"] == "caller_bye", t.cdr()[0]
