# SPDX-License-Identifier: MIT
"""codec_reoffered (A94, A154): the primary's early media is G.722, then 503; the second carrier has nothing but G.711, so it is offered what the PBX offered first. Its answer cannot stand behind the one the PBX has:
that is repeated in the 200, and a re-INVITE gives the PBX the codec of the call right after its ACK, in the same dialog and port. Both hear each other then; where the PBX never offered it nobody is asked."""
import re


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": first})
    cb = t.carrier("cb", answer(), codecs=["PCMU", "PCMA"])
    t.start()
    took = [recv("INVITE"), send(200, sdp={"pts": [0, 101], "version": 2}), recv("ACK")]
    pbx = t.caller([invite(sdp={"pts": [9, 0, 101]}), recv(100, optional=True), recv(183, rtp=False), recv(180, optional=True), recv(200, rtp=False), ack()] + took + [pause(1.0)] + hangup())
    t.run()
    answers = [m for m in pbx.messages() if m.way == "in" and m.method == "INVITE" and m.code in (183, 200)]
    assert len({m.to_tag for m in answers}) == 1 and len({m.body for m in answers}) == 1 and re.search(r"RTP/AVP 9\b", answers[0].body), answers
    assert re.search(r"RTP/AVP (.*)", cb.first("INVITE").body).group(1).split()[:2] == ["0", "8"], cb.first("INVITE").body
    again = pbx.first("INVITE")
    assert "RTP/AVP 0" in again.body and re.search(r"m=audio (\d+)", again.body).group(1) == re.search(r"m=audio (\d+)", answers[0].body).group(1), again.text
    assert t.gap(pbx.sent("ACK")[0], again) < 0.5
    alone = t.caller([invite(sdp={"pts": [9]})] + fails(488)[1:], host=2, numbers=["+442071838751"])
    t.run()
    assert cb.received("INVITE") == 1 and alone.received("488 INVITE") == 1


def first(raw, m):
    body = raw.sdp("9")
    raw.reply(m, 100)
    keep = "".join("%s: %s\r\n" % (k, v) for k, v in m.headers if k.lower() in ("via", "from", "call-id"))
    raw.say("SIP/2.0 183 Early\r\n%sTo: %s;tag=raw\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
        keep, m["To"], m["CSeq"], raw.here, len(body), body), m.source)
    raw.later(0.3, lambda: raw.reply(m, 503))


def after(t):
    t.heard("caller1", 30)
    t.heard("cb", 30)
    media = next(r for r in t.cdr() if r["code"] == 200)["media"]
    assert (media["codec"], media["codec_out"], media["transcoded"]) == ("PCMU", "PCMU", False), media
