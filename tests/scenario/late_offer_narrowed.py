# SPDX-License-Identifier: MIT
"""late_offer_narrowed: the carrier takes both codecs of kedge's offer; the PBX, offered both, takes the second one and only listens. The carrier hears of
it in a re-INVITE: that codec alone, sendonly of its own, one o= line whose version moved by one."""
import re


def scenario(t):
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(180), pause(0.1), send(200, sdp={"pts": [8, 0]}, speak=False), recv("ACK"),
                          recv("INVITE"), send(200, sdp={"pts": [0], "direction": "sendonly", "version": 2}), recv("ACK"), recv("BYE"), send(200)])
    pbx = t.caller([invite(sdp=False), recv(100, optional=True), recv(180), recv(200, rtp=False), ack(sdp={"pts": [0], "direction": "recvonly"}),
                    pause(0.6)] + hangup())
    t.run()
    assert re.search(r"m=audio \d+ RTP/AVP 8 0\b", pbx.first("200 INVITE").body)
    bodies = {m["CSeq"]: m.body for m in ca.got("INVITE")}
    first, second = (bodies[c] for c in sorted(bodies, key=lambda c: int(c.split()[0])))
    assert re.search(r"m=audio \d+ RTP/AVP 0\s", second) and "a=recvonly" in second, second
    versions = [re.search(r"o=- (\d+) (\d+) ", b).groups() for b in (first, second)]
    assert versions[0][0] == versions[1][0] and int(versions[1][1]) == int(versions[0][1]) + 1, versions
    assert not pbx.got("INVITE"), "the PBX was asked again"


def after(t):
    t.heard("caller1", 20)
