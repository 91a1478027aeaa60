# SPDX-License-Identifier: MIT
"""metrics (A102 A104 A142): /metrics from second 0: every configured trunk in every state, also one whose name nobody resolves; then, behind calls of all kinds, final
responses by trunk and code are exactly those that the carriers sent, and attempts stand by their position. The text is read by a strict parser of its own, first tried itself."""
import exposition


def read(t):
    text = exposition.Text(t.ask("/metrics"))
    assert not text.faults, "\n".join(text.faults)
    return text


def sent(peer):
    """Final responses to INVITEs by code, each transaction's once."""
    found = {}
    for m in peer.messages():
        if m.way == "out" and m.code and m.code >= 200 and m["CSeq"].endswith("INVITE"):
            found[(m["Call-ID"], m["CSeq"])] = m.code
    return sorted(found.values())


def counted(text, trunk):
    codes = []
    for labels, n in text.named("kedge_trunk_responses_total", trunk=trunk).items():
        code = dict(labels)["code"]
        assert dict(labels)["class"] == code[0] + "xx"
        codes += [int(code)] * int(n)
    return sorted(codes)


CALLS = ((503, None), (486, 486), (404, 404), (480, 480), (603, 603), (500, None), (699, 699))  # what ca says, what the caller hears


def scenario(t):
    exposition.selftest()
    ca = t.silent("ca", {"OPTIONS": 200})
    cb = t.carrier("cb", answer())
    t.absent("cc", uri="sip:nowhere.invalid", sources=["192.0.2.0/24"])
    t.targets = ["ca", "cb"]
    t.start()
    at_once = read(t)
    for trunk in ("pbx1", "ca", "cb", "cc"):
        states = at_once.named("kedge_trunk_state", trunk=trunk)
        assert len(states) == 8 and sum(states.values()) == 1, (trunk, states)
        assert at_once.value("kedge_trunk_attempts_total", trunk=trunk, position="first") == 0
        assert at_once.value("kedge_trunk_responses_total", trunk=trunk, code="503", **{"class": "5xx"}) == 0
    assert at_once.value("kedge_trunk_state", trunk="ca", state="UNKNOWN") + at_once.value("kedge_trunk_state", trunk="ca", state="UP") == 1
    for i, (says, hears) in enumerate(CALLS):
        ca.answers["INVITE"] = says
        t.caller(fails(hears) if hears else call(talk=0.1), numbers=["+44207183870%d" % i], host=1 + i)
        t.run()
    t.settle()
    text = read(t)
    assert counted(text, "ca") == sent(ca) == sorted(says for says, _ in CALLS), (counted(text, "ca"), sent(ca))
    assert counted(text, "cb") == sent(cb) == [200, 200], (counted(text, "cb"), sent(cb))
    assert text.value("kedge_trunk_attempts_total", trunk="ca", position="first") == len(CALLS)
    assert text.value("kedge_trunk_attempts_total", trunk="cb", position="second") == 2 == text.value("kedge_trunk_answered_total", trunk="cb")
    assert text.value("kedge_trunk_attempts_total", trunk="cb", position="first") == 0
    assert text.value("kedge_call_attempts_total") == len(CALLS)
    assert text.value("kedge_calls_ended_total", result="answered") == 2 and text.value("kedge_calls_ended_total", result="failed") == len(CALLS) - 2
