# SPDX-License-Identifier: MIT
"""line_used_again: the PBX rejects its audio line in mid-call, then offers audio in a second one, then in the first again. Both sides keep every line in
its place; while none is in use nothing passes; afterwards the audio is whole again, in the same port."""
import re

LINES = """v=0
o=peer 1000 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
"""
OFF = "m=audio 0 RTP/AVP 0\n"
ON = "m=audio [auto_media_port] RTP/AVP 0\n"


def text(version, *lines):
    return {"text": LINES.format(version=version) + "".join(lines)}


def scenario(t):
    rounds = [((OFF,), False), ((OFF, ON), True), ((ON, OFF), True)]
    theirs, ours = [], []
    for i, (lines, speak) in enumerate(rounds):
        ours += [quiet(), pause(0.1), invite(sdp=text(i + 2, *lines)), recv(100, optional=True), recv(200, rtp=speak), ack(), pause(0.3)]
        theirs += [recv("INVITE"), send(200, sdp=text(i + 2, *lines), speak=speak), recv("ACK")]
    ca = t.carrier("ca", answer()[:-2] + theirs + [recv("BYE"), send(200)])
    pbx = t.caller(call(talk=0.3)[:-2] + ours + [pause(0.3)] + hangup())
    t.audio_strict = False
    t.run()
    for got in (ca.got("INVITE"), pbx.got("200 INVITE")):
        by_cseq = {m["CSeq"]: re.findall(r"m=audio (\d+) ", m.body) for m in got}
        first, off, second, again = (by_cseq[c] for c in sorted(by_cseq, key=lambda c: int(c.split()[0])))
        port = first[0]
        assert (off, second, again) == (["0"], ["0", port], [port, "0"]), by_cseq


def after(t):
    t.heard("caller1", 10)
    t.heard("ca", 10)
