# SPDX-License-Identifier: MIT
"""tcp_refused (A73): the primary's TCP port is closed: RST, and the next carrier has the call at once."""


def scenario(t):
    t.absent("ca", uri=t.uri(2, 1, "ca", ";transport=tcp"))
    cb = t.carrier("cb", answer())
    pbx = t.caller(call(talk=0.2))
    t.run()
    assert t.gap(pbx.sent("INVITE")[0], cb.got("INVITE")[0]) < 0.2
