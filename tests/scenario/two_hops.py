# SPDX-License-Identifier: MIT
"""two_hops (A6): a carrier of three addresses, each of which says 503: two of them are tried (max_hops), each once, then the next carrier."""


def scenario(t):
    hops = [t.serve("ca%d" % i, 2, i, refuse(503)) for i in (1, 2, 3)]
    t.trunk("ca", "carrier", 1, hops=[t.uri(2, i, "ca%d" % i) for i in (1, 2, 3)])
    t.passes = [r"127\.\d+\.2\.[123]$"]  # three addresses of one carrier: its uri names the first
    t.trunk("cb", "carrier", 4)
    cb = t.serve("cb", 2, 4, answer())
    t.caller(call(talk=0.2))
    t.run()
    assert [h.received("INVITE") for h in hops] == [1, 1, 0]
    assert cb.received("INVITE") == 1
