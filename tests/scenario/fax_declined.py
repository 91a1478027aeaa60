# SPDX-License-Identifier: MIT
"""fax_declined: the carrier asks for T.38 in mid-call and the PBX cannot: its 488 reaches the carrier, the call stays on G.711, its audio whole."""

T38 = """v=0
o=peer 1000 2 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 0 RTP/AVP 0
m=image 30000 udptl t38
a=T38FaxVersion:0
"""


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [pause(0.3), invite(sdp={"text": T38}), recv(100, optional=True), recv(488), ack(), recv("BYE"), send(200)])
    pbx = t.caller(call(talk=0)[:-3] + [recv("INVITE"), send(488), recv("ACK"), pause(0.6)] + hangup())
    t.run()
    assert ca.received("488 INVITE") == 1
    body = pbx.first("INVITE").body
    assert "m=audio 0 RTP/AVP 0" in body and "udptl t38" in body and body.count("m=") == 2, body


def after(t):
    t.heard("caller1", 30)
    t.heard("ca", 30)
