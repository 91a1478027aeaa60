# SPDX-License-Identifier: MIT
"""informed (A84): nobody waits in silence. The primary is silent for two seconds, so long it is waited for (no adaptive wait): the PBX has 100 at once and 180 after one second,
then the second carrier's ringing and answer. A carrier that said 100 and takes its time to ring is not spoken for."""


def scenario(t):
    slow = {"first_response_adaptive": False}
    ca = t.silent("ca", {}, timers=slow, probe={"method": "none"})
    cb = t.carrier("cb", answer())
    cc = t.carrier("cc", [recv("INVITE"), send(100), pause(1.8), send(180), pause(0.1), send(200), recv("ACK"), recv("BYE"), send(200)])
    t.profiles = {"out": {"targets": [{"trunk": "ca"}, {"trunk": "cb"}]}, "slow": {"targets": [{"trunk": "cc"}, {"trunk": "cb"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": p, "profile": n} for n, p in (("out", "+442"), ("slow", "+443"))]
    t.start()
    pbx = t.caller([invite(), recv(100), recv(180), recv(200), ack(), pause(0.3)] + hangup())
    other = t.caller([invite(), recv(100), recv(180), recv(200), ack(), pause(0.3)] + hangup(), numbers=["+443071838750"], name="other", host=2)
    t.run()
    asked = pbx.sent("INVITE")[0]
    assert t.gap(asked, pbx.first(100)) < 0.3
    assert 0.9 < t.gap(asked, pbx.first(180)) < 1.6
    assert 1.9 < t.gap(ca.first("INVITE"), cb.first("INVITE")) < 2.8
    assert t.gap(other.sent("INVITE")[0], other.first(180)) > 1.7 and cc.received("INVITE") == 1
