# SPDX-License-Identifier: MIT
"""tcp_wedged: a carrier takes the TCP connection and reads nothing: calls go to the next one, and once its window was shut for 8 s the connection is given up. It is
asked over a new one from then on."""
import socket
import threading

LONG = "Subject: " + "long " * 400


def scenario(t):
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    door.bind((t.ip(2), 5060))
    door.listen(8)
    taken = []
    threading.Thread(target=lambda: [taken.append(door.accept()[0]) for _ in range(2)], daemon=True).start()
    t.trunk("ca", "carrier", 1, uri=t.uri(2, 1, "ca", ";transport=tcp"), timers={"first_response": "300ms"},
            probe={"interval": "1s", "timeout": "500ms", "down_interval": "1s"})
    cb = t.carrier("cb", answer())
    t.caller([invite(headers=[LONG])] + call(talk=0.2)[1:], numbers=["+44207183%d" % n for n in range(4)])
    t.run()
    assert cb.received("INVITE") == 4 and len(taken) == 1
    assert t.until(lambda: len(taken) == 2, 25), "it hangs on to a connection nobody reads"
    door.close()
    t.socket = taken


def after(t):
    t.heard("cb", 5, calls=4)
