# SPDX-License-Identifier: MIT
"""flows_5359: of RFC 5359, with kedge between the two ends, each as it succeeds and as it fails: call hold, consultation hold, music on hold, forwarding unconditional,
on busy and on no answer. Holding and music are the PBX's doing; who forwards is the PBX, which calls out anew or answers itself for another, or a profile of kedge
(several targets, on_busy, ring_timeout). Played over UDP and TCP, IPv4 and IPv6; checker.py reads each message."""
from flow import CALLER_ENDS, Flows, UP

OUT, SECOND_NUMBER, IN, BUSY, RINGS = "+4411", "+4412", "+4420", "+4421", "+4422"
HOLD = """
    pbx > INVITE sendonly
    ca < INVITE sendonly
    ca > 200 recvonly
    ca < ACK
    pbx < 200 recvonly
    pbx > ACK
"""
RESUME = """
    pbx > INVITE
    ca < INVITE
    ca > 200
    ca < ACK
    pbx < 200
    pbx > ACK
"""
# A call to another number while the first one is held: its own dialogs at both ends.
SECOND = """
    pbx2 > INVITE
    cb < INVITE
    cb > 180
    pbx2 < 180
    cb > 200
    pbx2 < 200
    pbx2 > ACK
    cb < ACK
    pbx2 > BYE
    pbx2 < 200
    cb < BYE
    cb > 200
"""
FROM_OUTSIDE = """
    ca > INVITE
    pbx < INVITE
"""
ANSWERED = """
    pbx > 180
    ca < 180
    pbx > 200
    ca < 200
    ca > ACK
    pbx < ACK
    ca > BYE
    ca < 200
    pbx < BYE
    pbx > 200
"""
FLOWS = [
    ("2.1 call hold", OUT, UP + HOLD + RESUME + CALLER_ENDS),
    ("2.1 hold by both sides", OUT, UP + HOLD + """
        ca > INVITE inactive
        pbx < INVITE inactive
        pbx > 200 inactive
        pbx < ACK
        ca < 200 inactive
        ca > ACK""" + CALLER_ENDS),
    ("2.1 failed: the carrier refuses it with 488: the PBX hears so, the call stays", OUT, UP + """
        pbx > INVITE sendonly
        ca < INVITE sendonly
        ca > 488
        ca < ACK
        pbx < 488
        pbx > ACK""" + CALLER_ENDS),
    ("2.2 consultation hold", OUT, UP + HOLD + SECOND + RESUME + CALLER_ENDS),
    ("2.2 failed: who is to be asked is busy", OUT, UP + HOLD + """
        pbx2 > INVITE
        cb < INVITE
        cb > 486
        cb < ACK
        pbx2 < 486
        pbx2 > ACK""" + RESUME + CALLER_ENDS),
    ("2.3 music on hold: the PBX asks for an offer, the answer in its ACK is the music server's", OUT, UP + """
        pbx > INVITE bare
        pbx < 200 sdp
        pbx > ACK sdp sendonly moved
        ca < INVITE sendonly
        ca > 200 recvonly
        ca < ACK""" + RESUME + CALLER_ENDS),
    ("2.3 failed: the music server does not answer: hold without music", OUT, UP + """
        pbx > INVITE bare
        pbx < 200 sdp
        pbx > ACK sdp inactive
        ca < INVITE inactive
        ca > 200 inactive
        ca < ACK""" + RESUME + CALLER_ENDS),
    ("2.7 forwarding unconditional by the PBX itself", IN, FROM_OUTSIDE + """
        pbx > 181
        ca < 181""" + ANSWERED),
    ("2.7 forwarding by 302 to another number of that PBX", IN, FROM_OUTSIDE + """
        pbx > 302 | Contact: <sip:carol@%(pbx)s%(contact)s>
        pbx < ACK
        pbx < INVITE | ^INVITE sip:carol@""" + ANSWERED),
    ("2.7 failed: 302 to somewhere else is not followed", IN, FROM_OUTSIDE + """
        pbx > 302 | Contact: <sip:carol@chicago.example.com>
        pbx < ACK
        ca < 500 | !chicago
        ca > ACK"""),
    ("2.8 forwarding on busy by the profile", BUSY, FROM_OUTSIDE + """
        pbx > 486
        pbx < ACK
        pbx2 < INVITE
        pbx2 > 180
        ca < 180
        pbx2 > 200
        ca < 200
        ca > ACK
        pbx2 < ACK
        ca > BYE
        ca < 200
        pbx2 < BYE
        pbx2 > 200"""),
    ("2.8 failed: the second is busy too", BUSY, FROM_OUTSIDE + """
        pbx > 486
        pbx < ACK
        pbx2 < INVITE
        pbx2 > 486
        pbx2 < ACK
        ca < 486
        ca > ACK"""),
    ("2.8 without such a profile busy is busy", IN, FROM_OUTSIDE + """
        pbx > 486
        pbx < ACK
        ca < 486
        ca > ACK"""),
    ("2.9 forwarding on no answer by the profile", RINGS, FROM_OUTSIDE + """
        pbx > 180
        ca < 180
        pbx < CANCEL
        pbx > 200
        pbx > 487
        pbx < ACK
        pbx2 < INVITE
        pbx2 > 180
        pbx2 > 200
        ca < 200
        ca > ACK
        pbx2 < ACK
        pbx2 > BYE
        pbx2 < 200
        ca < BYE
        ca > 200"""),
    ("2.9 failed: nobody answers there either, the caller gives up", RINGS, FROM_OUTSIDE + """
        pbx > 180
        ca < 180
        pbx < CANCEL
        pbx > 200
        pbx > 487
        pbx < ACK
        pbx2 < INVITE
        pbx2 > 180
        ca > CANCEL
        ca < 200
        ca < 487
        ca > ACK
        pbx2 < CANCEL
        pbx2 > 200
        pbx2 > 487
        pbx2 < ACK"""),
]
RECORDS = 2  # of consultation hold: the second call's


def scenario(t):
    tcp = t.transport == "tcp"
    raws = {}
    for i, name in enumerate(("pbx1", "pbx2"), 1):
        t.trunk(name, "pbx", i)
        raws[name] = t.tool(name, host=i, tcp=tcp, answers={"OPTIONS": 200})
    for name in ("ca", "cb"):
        raws[name] = (t.stream if tcp else t.silent)(name, {"OPTIONS": 200})
    both = [{"trunk": "pbx1"}, {"trunk": "pbx2"}]
    t.profiles = {"out": {"targets": [{"trunk": "ca"}]}, "second": {"targets": [{"trunk": "cb"}]}, "in": {"targets": both[:1]},
                  "busy": {"targets": both, "on_busy": "target:pbx2"}, "rings": {"targets": both, "ring_timeout": "1s"}}
    t.routes = [{"name": "out", "from": "pbx1", "prefix": OUT, "profile": "out"}, *(
        {"name": "second" + n, "from": "pbx" + n, "prefix": SECOND_NUMBER, "profile": "second"} for n in "12"), *(
        {"name": n, "from": "ca", "prefix": p, "profile": n} for n, p in (("in", IN), ("busy", BUSY), ("rings", RINGS)))]
    t.start()
    flows = Flows(t, {"pbx": (raws["pbx1"], t.kedge_at(1)), "pbx2": (raws["pbx2"], t.kedge_at(1)), "ca": (raws["ca"], t.kedge_at(2)), "cb": (raws["cb"], t.kedge_at(2))})
    words = {"pbx": raws["pbx1"].here, "contact": raws["pbx1"].contact}
    for title, number, text in FLOWS:
        flows.play(title, {"": number, "pbx2": SECOND_NUMBER}, text % words)
    t.cdrs = len(FLOWS) + RECORDS
