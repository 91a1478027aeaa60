# SPDX-License-Identifier: MIT
"""mtu_filtered: an INVITE longer than udp_mtu, and the carrier's TCP port says nothing: by UDP after timers.connect, whatever first_response is; what waited in the connection never
goes out, though it comes to stand later."""
import socket

LONG = "Subject: " + "long " * 160


def scenario(t):
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((t.ip(2), 5060))
    door.listen(0)
    full = [socket.socket() for _ in range(3)]  # whoever knocks now is not heard
    for s in full:
        s.setblocking(False)
        s.connect_ex((t.ip(2), 5060))
    ca = t.carrier("ca", answer(), udp_mtu=1000, timers={"connect": "400ms", "first_response": "300ms"})
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(headers=[LONG])] + call(talk=2.5)[1:])
    assert t.until(lambda: ca.received("INVITE") == 1, 5)
    assert 0.35 < t.gap(pbx.sent("INVITE")[0], ca.got("INVITE")[0]) < 2
    door.settimeout(0.2)
    heard = b""
    for _ in range(8):
        try:
            s, _ = door.accept()
            s.settimeout(0.2)
            heard += s.recv(100)
        except TimeoutError:
            pass
    t.run()
    assert ca.received("INVITE") == 1 and ca.received("BYE") == 1 and cb.received("INVITE") == 0 and heard == b"", heard


def after(t):
    t.heard("ca", 10)
    said = t.events("call.long")
    assert [(e["over"], e["why"]) for e in said] == [("tcp", "udp_mtu"), ("udp", "timeout")], said
