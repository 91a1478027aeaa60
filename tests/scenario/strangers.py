# SPDX-License-Identifier: MIT
"""strangers: an address that belongs to no trunk gets 403 once a second and is otherwise not heard: no amplifier, no scanner's friend. Nothing goes to the
carrier, and a good caller is not disturbed."""


def scenario(t):
    ca = t.carrier("ca", answer())
    t.trunk("pbx1", "pbx", 1, sources=["%s/32" % t.ip(1)])
    t.start()
    other = t.tool("other", host=200)
    kedge = (t.ip(3), 5060)
    for burst in range(2):
        before = len(other.messages())
        for i in range(20):
            other.say(other.begin(("INVITE", "OPTIONS", "REGISTER")[i % 3], "+442071838750", kedge, "s%d-%d" % (burst, i), body=other.sdp()), kedge)
        t.until(lambda: len(other.got(403)) > burst + 1, 0.4)
        assert len(other.got(403)) == burst + 1, other.messages()[before:]
        t.until(lambda: False, 0.8)
    assert all(m.code == 403 for m in other.messages() if m.way == "in")
    t.caller(call(talk=0.1))
    t.run()
    assert ca.received("INVITE") == 1
