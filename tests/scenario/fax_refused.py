# SPDX-License-Identifier: MIT
"""fax_refused: the carrier asks for T.38 in mid-call, but its trunk says t38 = false: 488 at once, the PBX is not asked, the call stays on G.711, its
audio whole."""

T38 = """v=0
o=peer 1000 2 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=image 30000 udptl t38
a=T38FaxVersion:0
"""


def scenario(t):
    ca = t.carrier("ca", answer()[:-2] + [pause(0.4), invite(sdp={"text": T38}), recv(100, optional=True), recv(488), ack(), recv("BYE"), send(200)],
                   t38=False)
    pbx = t.caller(call(talk=1.2))
    t.run()
    assert not pbx.got("INVITE"), "the PBX was asked"
    assert ca.received("488 INVITE") == 1


def after(t):
    t.heard("caller1", 40)
    t.heard("ca", 40)
