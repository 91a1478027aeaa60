# SPDX-License-Identifier: MIT
"""bye_before_ack: the carrier hangs up before the PBX has acknowledged the 200. The PBX gets its BYE only after its ACK (RFC 3261 15), with the Reason the carrier gave; the carrier its 200 at once."""


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [request("BYE", headers=["Reason: Q.850;cause=16"]), recv(200)])
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), pause(0.4), ack(), recv("BYE"), send(200)])
    t.run()
    assert t.gap(pbx.sent("ACK")[0], pbx.first("BYE")) >= 0
    assert t.gap(ca.sent("BYE")[0], ca.first("200 BYE")) < 0.2
    assert "Q.850;cause=16" in pbx.first("BYE").all("Reason")[0], pbx.first("BYE").text
    t.audio_strict = False
