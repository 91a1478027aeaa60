# SPDX-License-Identifier: MIT
"""flows_3665: every flow of RFC 3665 section 3 with kedge between the two ends, each as it succeeds and as it fails. What proxies do there carriers do here; of several
carriers the second is the one the RFC's second proxy stands for. Played over UDP and TCP, IPv4 and IPv6; checker.py reads each message."""
from flow import CALLER_ENDS, Flows, UP

CALLEE_ENDS = """
    ca > BYE
    ca < 200
    pbx < BYE
    pbx > 200
"""
ONE, TWO, MUTE, DEAD, LAST = "+4411", "+4422", "+4433", "+4444", "+4455"
FLOWS = [
    ("3.1 successful session", ONE, UP + CALLEE_ENDS),
    ("3.1 failed: not found", ONE, """
        pbx > INVITE
        ca < INVITE
        ca > 404
        ca < ACK
        pbx < 404
        pbx > ACK"""),
    ("3.2 through two proxies on either side", ONE, """
        pbx > INVITE | Record-Route: <sip:ss2.inside.example;lr> | Record-Route: <sip:ss1.inside.example;lr>
        ca < INVITE | !Record-Route
        ca > 180 | Record-Route: <sip:ss2.example.com;lr> | Record-Route: <sip:%(ca)s;lr>
        pbx < 180 | !example.com
        ca > 200 | Record-Route: <sip:ss2.example.com;lr> | Record-Route: <sip:%(ca)s;lr>
        pbx < 200 | Record-Route: <sip:ss2.inside.example;lr>
        pbx > ACK
        ca < ACK | =Route: <sip:%(ca)s;lr> | ;lr>.*ss2.example.com;lr
        pbx > BYE
        pbx < 200
        ca < BYE | =Route: <sip:%(ca)s;lr> | ;lr>.*ss2.example.com;lr
        ca > 200"""),
    ("3.2 failed: the second proxy does not reach him", TWO, """
        pbx > INVITE
        ca < INVITE
        ca > 408
        ca < ACK
        cb < INVITE
        cb > 404
        cb < ACK
        pbx < 404
        pbx > ACK"""),
    ("3.3 a proxy wants a password: the other carrier takes the call", TWO, """
        pbx > INVITE
        ca < INVITE
        ca > 407 | Proxy-Authenticate: Digest realm="atlanta.example.com", nonce="wf84f1ceczx41ae6cbe5aea9c8e88d359", algorithm=MD5
        ca < ACK
        cb < INVITE | !Proxy-Authorization
        cb > 180
        pbx < 180
        cb > 200
        pbx < 200
        pbx > ACK
        cb < ACK
        pbx > BYE
        pbx < 200
        cb < BYE
        cb > 200"""),
    ("3.3 failed: both want one; the caller is not asked for ours", TWO, """
        pbx > INVITE
        ca < INVITE
        ca > 407 | Proxy-Authenticate: Digest realm="atlanta.example.com", nonce="1"
        ca < ACK
        cb < INVITE
        cb > 407 | Proxy-Authenticate: Digest realm="biloxi.example.com", nonce="2"
        cb < ACK
        pbx < 500 | !Authenticate
        pbx > ACK"""),
    ("3.4 the first proxy is dead", DEAD, """
        pbx > INVITE
        cb < INVITE
        cb > 180
        pbx < 180
        cb > 200
        pbx < 200
        pbx > ACK
        cb < ACK
        cb > BYE
        cb < 200
        pbx < BYE
        pbx > 200"""),
    ("3.4 failed: and the second is busy with itself", DEAD, """
        pbx > INVITE
        cb < INVITE
        cb > 500
        cb < ACK
        pbx < 500
        pbx > ACK"""),
    ("3.5 a gateway in the SDP's way: each side sees kedge's address alone", ONE, """
        pbx > INVITE
        ca < INVITE | c=IN IP. %(outside)s\\s | !call at
        ca > 180
        pbx < 180
        ca > 200
        pbx < 200 | c=IN IP. %(inside)s\\s | !call at
        pbx > ACK
        ca < ACK""" + CALLER_ENDS),
    ("3.5 failed: nothing in the SDP that could be anchored", ONE, """
        pbx > INVITE video
        pbx < 488
        pbx > ACK"""),
    ("3.6 redirected, with the SDP in the ACK", TWO, """
        pbx > INVITE bare
        ca < INVITE
        ca > 302 | Contact: <sip:bob@chicago.example.com>
        ca < ACK
        cb < INVITE
        cb > 180
        pbx < 180
        cb > 200
        pbx < 200 sdp | !chicago
        pbx > ACK sdp
        cb < ACK
        cb > BYE
        cb < 200
        pbx < BYE
        pbx > 200"""),
    ("3.6 failed: redirected and nobody else to ask; the Contact stays here", ONE, """
        pbx > INVITE bare
        ca < INVITE
        ca > 302 | Contact: <sip:bob@chicago.example.com>
        ca < ACK
        pbx < 500 | !chicago
        pbx > ACK"""),
    ("3.7 re-INVITE with another address", ONE, UP + """
        ca > INVITE moved
        ca < 200 sdp
        ca > ACK""" + CALLEE_ENDS),
    ("3.7 failed: the re-INVITE is refused, the call stays", ONE, UP + """
        ca > INVITE pcma
        pbx < INVITE pcma
        pbx > 488
        pbx < ACK
        ca < 488
        ca > ACK""" + CALLEE_ENDS),
    ("3.8 no answer: cancelled", ONE, """
        pbx > INVITE
        ca < INVITE
        ca > 180
        pbx < 180
        pbx > CANCEL
        pbx < 200
        pbx < 487
        pbx > ACK
        ca < CANCEL
        ca > 200
        ca > 487
        ca < ACK"""),
    ("3.8 failed: he picks up while the CANCEL is on its way", ONE, """
        pbx > INVITE
        ca < INVITE
        ca > 180
        pbx < 180
        pbx > CANCEL
        pbx < 200
        pbx < 487
        pbx > ACK
        ca < CANCEL
        ca > 200
        ca > 200 late
        ca < ACK
        ca < BYE
        ca > 200"""),
    ("3.9 busy", ONE, """
        pbx > INVITE
        ca < INVITE
        ca > 486
        ca < ACK
        pbx < 486
        pbx > ACK"""),
    ("3.9 failed: busy everywhere, and no other carrier is asked", TWO, """
        pbx > INVITE
        ca < INVITE
        ca > 600
        ca < ACK
        pbx < 600
        pbx > ACK"""),
    ("3.10 failed: no response, and nobody else to ask", LAST, """
        pbx > INVITE
        mute < INVITE
        pbx < 500
        pbx > ACK"""),
    ("3.10 no response: the next carrier answers", MUTE, """
        pbx > INVITE
        mute < INVITE
        cb < INVITE
        cb > 180
        pbx < 180
        cb > 486
        cb < ACK
        pbx < 486
        pbx > ACK"""),
    ("3.11 temporarily unavailable", TWO, """
        pbx > INVITE
        ca < INVITE
        ca > 180
        pbx < 180
        ca > 480
        ca < ACK
        pbx < 480
        pbx > ACK"""),
    ("3.11 failed: it is the way to him that is out of order, so another is tried", TWO, """
        pbx > INVITE
        ca < INVITE
        ca > 480 | Reason: Q.850;cause=38
        ca < ACK
        cb < INVITE
        cb > 480
        cb < ACK
        pbx < 480
        pbx > ACK"""),
]


def scenario(t):
    carrier = t.stream if t.transport == "tcp" else t.silent
    never = {"breaker": {"consecutive": 1000, "window": []}}  # each flow finds all carriers as good as new
    t.trunk("pbx1", "pbx", 1)
    raws = {"pbx": t.tool("pbx1", host=1, tcp=t.transport == "tcp")}
    for name in ("ca", "cb", "mute"):
        raws[name] = carrier(name, {"OPTIONS": 200}, **never, **({"timers": {"first_response": "500ms", "progress": "1s"}} if name == "mute" else {}))
    t.absent("dead", **never)
    t.profiles = {n: {"targets": [{"trunk": x} for x in trunks]} for n, trunks in (
        ("one", ["ca"]), ("two", ["ca", "cb"]), ("mute", ["mute", "cb"]), ("dead", ["dead", "cb"]), ("last", ["mute"]))}
    for p in t.profiles.values():
        p["inform_after"] = "0s"  # the flows are of messages, whatever time they take
    t.profiles["in"] = {"targets": [{"trunk": "pbx1"}]}
    t.profiles["last"].update(setup_budget="2s", ring_timeout="1s")
    t.routes = [{"name": n, "from": "pbx1", "prefix": prefix, "profile": n} for n, prefix in
                (("one", ONE), ("two", TWO), ("mute", MUTE), ("dead", DEAD), ("last", LAST))] + [{"name": "in", "from": "ca", "profile": "in"}]
    t.start()
    flows = Flows(t, {n: (raw, t.kedge_at(1 if n == "pbx" else 2)) for n, raw in raws.items()})
    words = {"ca": raws["ca"].here, "outside": t.ip(4), "inside": t.ip(3)}
    for title, number, text in FLOWS:
        flows.play(title, number, text % words)
    t.cdrs = len(FLOWS)
