# SPDX-License-Identifier: MIT
"""late_offer_pass: an INVITE without a body, toward a trunk with late_offer = "pass": the carrier's offer comes in its 200, the PBX's answer in the ACK; both are kedge's own on the way."""
import re


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), pause(0.1), send(200), recv("ACK", rtp=True), recv("BYE"), send(200)],
                   late_offer="pass")
    pbx = t.caller([invite(sdp=False), recv(100, optional=True), recv(180), recv(200, rtp=True), ack(sdp=True), pause(0.6)] + hangup())
    t.run()
    assert not ca.first("INVITE").body.strip()
    offer, answered = pbx.first("200 INVITE").body, ca.first("ACK").body
    assert re.search(r"o=- \d+ 1 IN IP4 %s" % re.escape(t.ip(3)), offer) and "m=audio" in offer, offer
    assert re.search(r"o=- \d+ 1 IN IP4 %s" % re.escape(t.ip(4)), answered) and "m=audio" in answered, answered


def after(t):
    t.heard("caller1", 20)
    t.heard("ca", 20)
