# SPDX-License-Identifier: MIT
"""reinvite_carrier: the carrier refreshes the session by re-INVITE with the same media; the PBX answers, audio is untouched."""


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), pause(0.05), send(200), recv("ACK"), pause(0.4), invite(sdp=True),
                          recv(100, optional=True), recv(200, rtp=False), ack(), recv("BYE"), send(200)])
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), recv("INVITE"), send(200, speak=False), recv("ACK"),
                    pause(0.5)] + hangup())
    t.run()
    assert pbx.received("INVITE") == 1 and ca.received("200 INVITE") == 1


def after(t):
    t.heard("caller1", 30)
    t.heard("ca", 30)
