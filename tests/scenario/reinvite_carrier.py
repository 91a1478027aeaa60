# SPDX-License-Identifier: MIT
"""reinvite_carrier: the carrier refreshes the session, with the same SDP, with a higher version of it, and without any: each is answered at once on its own leg with what
holds, the PBX hears nothing, audio is untouched. Asked for an offer by an INVITE without SDP, kedge makes one and takes the answer from the ACK."""
import re


def scenario(t):
    refresh = []
    for sdp in (True, {"version": 2}, None):
        refresh += [pause(0.2), invite(sdp=sdp), recv(100, optional=True), recv(200, rtp=False), ack(sdp={"version": 3} if sdp is None else None)]
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), pause(0.05), send(200), recv("ACK")] + refresh + [recv("BYE"), send(200)])
    pbx = t.caller(call(talk=1.2))
    t.run()
    assert pbx.received("INVITE") == 0 and ca.received("200 INVITE") == 3
    answers = ca.got("200 INVITE")
    assert all(t.ip(4) in m.body and "RTP/AVP 0" in m.body for m in answers)
    assert len({re.search(r"o=- (\d+) (\d+)", m.body).groups() for m in answers}) == 1, "the same SDP has the same version"
    for m in answers:
        asked = next(x for x in ca.sent("INVITE") if x["CSeq"] == m["CSeq"])
        assert t.gap(asked, m) < 0.3, t.gap(asked, m)


def after(t):
    t.heard("caller1", 50)
    t.heard("ca", 50)
