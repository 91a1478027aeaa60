# SPDX-License-Identifier: MIT
"""answers_forged (A46): somebody who saw our requests go by answers them, from a carrier's address that they did not go to: a hold with 481, a session refresh with 481, an INFO with 481, a BYE with 481. None
is heard; the carrier's own answers are. Over UDP and TCP."""
import socket


def scenario(t):
    tcp = t.transport == "tcp"
    late = {}

    def slowly(code, sdp=False):
        def answer(raw, m):
            if m["CSeq"] in late:
                return
            late[m["CSeq"]] = m
            forge(m)
            raw.later(0.4, lambda: raw.reply(m, code, sdp=sdp))
        return answer

    def invited(raw, m):
        raw.reply(m, 200, sdp=True) if not m.to_tag else slowly(200, True)(raw, m)
    doing = {"OPTIONS": 200, "INVITE": invited, "UPDATE": slowly(200), "INFO": slowly(200), "BYE": slowly(200)}
    ca = t.stream("ca", doing) if tcp else t.silent("ca", doing)
    cb = t.silent("cb", {"OPTIONS": 200})
    t.targets = ["ca"]
    t.start()
    outside = (t.ip(4), t.port("kedge4"))
    thief = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)  # no party: what it knows is not what kedge told it
    thief.bind((cb.ip, 0))
    thief.connect(outside)

    def forge(m):
        keep = "".join("%s: %s\r\n" % (n, v) for n, v in m.headers if n.lower() in ("via", "from", "to", "call-id", "cseq"))
        thief.send(("SIP/2.0 481 No\r\n%sContent-Length: 0\r\n\r\n" % keep).encode())
    pbx = t.caller([invite(), recv(100, optional=True), recv(200), ack(), pause(0.3),
                    invite(sdp={"direction": "sendonly", "version": 2}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.3),
                    request("INFO"), recv(200, rtp=False), pause(0.2)] + [bye(rtp=False), recv(200)])
    t.run()
    assert t.until(lambda: len(late) == 3 and ca.received("BYE") >= 1, 5), late
    assert t.until(lambda: t.figures()["counters"]["stray"] >= 3, 3), t.figures()
    hold = pbx.got("200 INVITE")[-1]
    assert t.gap(pbx.sent("INVITE")[-1], hold) > 0.35, "a stranger's 481 was heard"
    assert not t.events("call.headless") and len({m["CSeq"] for m in ca.got("INVITE")}) == 2
    assert t.until(lambda: t.cdr(), 5)
    t.audio_strict = False
