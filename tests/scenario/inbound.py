# SPDX-License-Identifier: MIT
"""inbound: a carrier calls the PBX through kedge; the PBX hangs up; audio both ways."""


def scenario(t):
    pbx = t.pbx([recv("INVITE"), send(100), send(180), pause(0.1), send(200), recv("ACK"), pause(1.0), bye(), recv(200)])
    t.absent("ca")
    ca = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), recv("BYE"), send(200)], net=2,
                  numbers=["+442071838750"])
    t.run()
    assert pbx.received("INVITE") == 1 and ca.received("BYE") == 1


def after(t):
    t.heard("caller1", 40)
    t.heard("pbx1", 40)
