# SPDX-License-Identifier: MIT
"""tcp_unread: a PBX asks over TCP, 40 KB at a time so that each answer is as long, and reads none of them, or so little that the connection never looks dead. No more than 1 MB waits for it: then the connection
is cut and what was kept is gone. Calls over another connection go on meanwhile."""
import socket
import time

VIAS = "".join("Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKpad%03d%s\r\n" % (i, "x" * 400) for i in range(85))


def scenario(t):
    t.trunk("pbx1", "pbx", 1, uri=t.uri_by(1, 1, "pbx1", "tcp"), sources=["127.%d.1.0/24" % t.slot])
    ca = t.carrier("ca", answer())
    t.top["limits"] = {"max_message": 60000, "max_headers": 200}
    t.start()
    kedge = (t.ip(3), t.port("kedge3"))
    before = t.resident()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    s.bind((t.ip(1, 9), 0))
    s.connect(kedge)
    s.settimeout(3)
    sent, began = 0, time.time()
    try:
        while sent < 400 and time.time() - began < 20:
            s.sendall(("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bKask%d\r\n%sFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: unread%d\r\nCSeq: 1 OPTIONS\r\n"
                       "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (kedge[0], t.ip(1, 9), sent, VIAS, sent)).encode())
            sent += 1
            s.recv(1000)  # little, but something: its window opens again and again
    except OSError:
        pass
    assert t.until(lambda: [e for e in t.events("sip.bad") if e["why"] == "unsent"], 5), "%d requests of 40 KB each are held" % sent
    grown = (t.resident() - before) / 1e6
    assert sent < 250, "cut after %d requests only" % sent
    assert grown < (60 if t.sanitized() else 20), "%.1f MB" % grown
    assert t.figures()["counters"]["stream_cut"] == 1
    s.close()
    t.caller(call(talk=0.3), transport="tcp")
    t.run()
    assert ca.received("INVITE") == 1
    t.audio_strict = False
