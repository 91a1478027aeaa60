# SPDX-License-Identifier: MIT
"""no_common_codec (A94): the first trunk takes codecs the PBX does not have, so it is asked nothing; the second answers. And a PBX that has none for any of them gets 488."""


def scenario(t):
    ca = t.carrier("ca", answer(), codecs=["opus", "G722"])
    cb = t.carrier("cb", answer(), codecs=["PCMU", "G729"], transcode=False)
    t.caller([invite(sdp={"pts": [8, 18, 0]})] + call(talk=0.5)[1:])
    t.run()
    assert not ca.got("INVITE")
    assert "RTP/AVP 0 18" in cb.first("INVITE").body, cb.first("INVITE").body
    t.caller([invite(sdp={"pts": [8]})] + fails(488)[1:], host=2)
    t.run()
    assert cb.received("INVITE") == 1


def after(t):
    t.heard("cb", 10)
    first, second = sorted(t.cdr(), key=lambda r: r["start"])
    assert [a["trunk"] for a in first["attempts"]] == ["ca", "cb"] and first["attempts"][0]["reason"] == "bad_answer", first
    assert second["code"] == 488 and second["disposition"] == "FAILED", second
