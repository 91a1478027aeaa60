# SPDX-License-Identifier: MIT
"""video_refused: a picture that is not to be had costs no call. Carrier cb answers the audio line alone: the PBX's line has port 0, and its session is given back while the
call is up. With limits.max_video = 1 the second caller's line goes out with port 0; that the carrier answers it with a port all the same, encrypted or not, gives it none. The third too: the log tells of the
first at once and not of each, /metrics counts both, their CDRs say why they have none."""
import re

from picture import Picture

SDP = """v=0
o=peer 1000 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


def ports(m):
    return re.findall(r"m=video (\d+) ", m.body)


def scenario(t):
    here, there = Picture(t.ip(1), 1), Picture(t.ip(2), 2)
    t.top["limits"] = {"max_video": 1}
    ca = t.carrier("ca", [recv("INVITE"), send(100), send(200, sdp={"text": SDP + there.line()}), recv("ACK"), recv("BYE"), send(200)])
    cb = t.carrier("cb", [recv("INVITE"), send(100), send(200, sdp={"text": SDP}), recv("ACK"), recv("BYE"), send(200)])
    t.profiles = {"a": {"targets": [{"trunk": "ca"}]}, "b": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": n, "from": "pbx1", "prefix": prefix, "profile": n} for n, prefix in (("a", "+441"), ("b", "+442"))]
    steps = lambda talk: [invite(sdp={"text": SDP + here.line()}), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(talk)] + hangup()
    alone = t.caller(steps(0.5), numbers=["+442222"])
    assert t.until(lambda: cb.received("ACK") and alone.received("200 INVITE"), 10)
    assert ports(cb.first("INVITE")) != ["0"] and ports(alone.first("200 INVITE")) == ["0"]
    assert t.until(lambda: t.media("sessions") == 1 and t.media("ports_lent") == 2, 3)
    assert t.until(lambda: alone.received("200 BYE"), 10)
    first = t.caller(steps(4), numbers=["+441111"])
    assert t.until(lambda: ca.received("ACK") == 1 and first.received("200 INVITE"), 10)
    assert ports(first.first("200 INVITE")) != ["0"]
    second = t.caller(steps(0.5), numbers=["+441112"])
    assert t.until(lambda: ca.received("ACK") == 2 and second.received("200 INVITE"), 10)
    assert ports(ca.got("INVITE")[-1]) == ["0"] and ports(second.first("200 INVITE")) == ["0"] and t.media("sessions") == 3
    t.caller(steps(0.2), numbers=["+441113"])
    assert t.until(lambda: ca.received("ACK") == 3, 10)
    t.run()
    assert t.until(lambda: len(t.cdr()) == 4, 3)
    told = t.events("call.no_video")
    assert [(e["refused"], e["limit"]) for e in told] == [(1, 1)], told
    assert re.search(r"^kedge_calls_video_refused_total 2$", t.ask("/metrics"), re.M)
    why = {r["dst"]: r["media"].get("video_refused") for r in t.cdr()}
    assert why == {"+442222": None, "+441111": None, "+441112": "max_video", "+441113": "max_video"}, why
    assert told[0]["call"] == next(r["call"] for r in t.cdr() if r["dst"] == "+441112")
    assert sorted(str(r["media"]["video"] and r["media"]["video"]["codec"]) for r in t.cdr()) == ["H264", "None", "None", "None"]
