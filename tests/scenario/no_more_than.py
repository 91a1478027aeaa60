# SPDX-License-Identifier: MIT
"""no_more_than (A13 A17 A56 A138): five targets, max_retries 2: exactly three are tried, by position, and the caller gets the best of what they said.
`kedge explain` tells the same order beforehand."""


def scenario(t):
    for name in ("c1", "c2", "c3", "c4", "c5"):
        t.silent(name, {"OPTIONS": 200, "INVITE": 488 if name == "c2" else 503})
    t.profile = {"max_retries": 2, "targets": [{"trunk": "c1", "position": 10}, {"trunk": "c2", "position": 5}, {"trunk": "c3", "position": 7},
                                               {"trunk": "c4", "position": 20}, {"trunk": "c5", "position": 1, "enabled": False}]}
    t.caller(fails(488))
    t.run()
    assert [t.peers[c].received("INVITE") for c in ("c1", "c2", "c3", "c4", "c5")] == [1, 1, 1, 0, 0]
    assert t.peers["c2"].first("INVITE").when < t.peers["c3"].first("INVITE").when < t.peers["c1"].first("INVITE").when
    said = t.verb("explain", "+442071838750", "--from", "pbx1")
    assert said.index("c2") < said.index("c3") < said.index("c1"), said
