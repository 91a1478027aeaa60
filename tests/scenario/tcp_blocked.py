# SPDX-License-Identifier: MIT
"""tcp_blocked (A73): a firewall takes the primary's SYNs: no answer at all (a listener whose queue is full does the same). The connection is given up after timers.connect, and the
next carrier has the call, once."""
import socket


def scenario(t):
    t.absent("ca", uri=t.uri(2, 1, "ca", ";transport=tcp"))
    cb = t.carrier("cb", answer(), uri=t.uri(2, 2, "cb"))
    full = block(t.ip(2, 1), t.port("ca"))
    pbx = t.caller(call(talk=0.3))
    t.run()
    waited = t.gap(pbx.sent("INVITE")[0], cb.first("INVITE"))
    assert 0.9 < waited < 3, waited
    assert cb.received("INVITE") == 1
    made = [a for a in t.decisions()[0]["attempts"] if a["trunk"] == "ca"]
    assert len(made) == 1 and made[0]["cause"] == "connect", made
    t.full = full


def block(ip, port):
    """A listener that takes no further SYN."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((ip, port))
    s.listen(0)
    sockets = [s]
    for _ in range(4):
        c = socket.socket()
        c.setblocking(False)
        try:
            c.connect((ip, port))
        except BlockingIOError:
            pass
        sockets.append(c)
    return sockets
