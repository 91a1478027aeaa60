# SPDX-License-Identifier: MIT
"""connections: TCP connections are taken up to max_source_connections of one address and max_connections in all; further ones are closed at once, counted and named. A closed one
makes room, and calls over UDP and over a connection that is up go on."""
import socket
import struct


def scenario(t):
    ca = t.carrier("ca", answer())
    t.top["limits"] = {"max_connections": 12, "max_source_connections": 8}
    t.trunk("pbx1", "pbx", 1, sources=["127.%d.1.0/24" % t.slot])
    t.start()
    a = [t.connect(20) for _ in range(11)]
    assert t.until(lambda: sum(map(t.hung_up, a)) == 3, 3), sum(map(t.hung_up, a))
    b = [t.connect(21) for _ in range(6)]
    assert t.until(lambda: sum(map(t.hung_up, b)) == 2, 3), sum(map(t.hung_up, b))
    assert t.figures()["counters"]["refused_connection"] == 5
    assert {(e["source"], e["why"]) for e in t.told("sip.refused", 2)} == {(t.ip(1, 20), "connections"), (t.ip(1, 21), "connections")}
    for s in b[:2]:
        s.close()
    for i in range(40):  # each reset with half a message in it: none may stay and count
        s = t.connect(22)
        s.send(b"OPTIONS sip:")
        t.until(lambda: False, 0.005)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    c = t.connect(22)
    c.send(b"SIP/2.0 abc OK\r\nContent-Length: 0\r\n\r\n")  # well framed, and no message: the library reads no more
    t.until(lambda: False, 0.2)
    c.send(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    assert t.until(lambda: t.hung_up(c), 8), "a connection that nobody reads is kept"
    c.close()
    c = t.connect(22)
    assert not t.until(lambda: t.hung_up(c), 0.3), "reset connections are still counted"
    c.close()
    t.caller(call(talk=0.1), name="udp")
    t.run()
    for s in a[:2]:
        s.close()
    t.until(lambda: False, 0.2)
    t.caller(call(talk=0.1), name="tcp", transport="tcp")
    t.run()
    assert ca.received("BYE") == 2
    for s in a + b:
        s.close()
