# SPDX-License-Identifier: MIT
"""tcp_to_udp: the PBX calls over TCP, the carrier speaks UDP; then the carrier hangs up, and its BYE reaches the PBX over the PBX's connection."""


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [pause(0.6), bye(), recv(200)])
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), recv("BYE"), send(200)], transport="tcp")
    t.run()
    assert ca.first("INVITE")["Via"].startswith("SIP/2.0/UDP ")
    assert pbx.first("BYE")["Via"].startswith("SIP/2.0/TCP ")


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
