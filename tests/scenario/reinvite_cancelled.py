# SPDX-License-Identifier: MIT
"""reinvite_cancelled: the PBX takes its re-INVITE back before the carrier answered it. The carrier gets the CANCEL, the PBX 487, the session stays as it was and audio
goes on; afterwards another re-INVITE goes through."""


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [recv("INVITE"), send(100), recv("CANCEL"), send(200), send(487, to="INVITE"), recv("ACK"),
                                          recv("INVITE"), send(200, sdp={"direction": "recvonly", "version": 2}, speak=False), recv("ACK"), recv("BYE"), send(200)])
    pbx = t.caller(call(talk=0.3)[:-2] + [invite(sdp={"direction": "sendonly", "version": 2}), recv(100), pause(0.2), cancel(), recv(200, rtp=False), recv(487), ack(), pause(0.2),
                                          invite(sdp={"direction": "sendonly", "version": 3}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.3)] + hangup())
    t.allow_audio = ("lost",)  # what is said into the hold
    t.run()
    assert ca.received("CANCEL") == 1 and pbx.received("487 INVITE") == 1 and ca.received("BYE") == 1


def after(t):
    t.heard("caller1", 25)
    t.heard("ca", 40)
