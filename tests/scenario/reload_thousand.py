# SPDX-License-Identifier: MIT
"""reload_thousand: a thousand reloads, each with other trunks and another order than the one before, while a call is up: what both planes hold in memory does not grow,
the state directory keeps sixteen of them, and a call through the last configuration succeeds."""
import json
import os
import socket

RELOADS = 1000


def post(t, path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(t.folder + "/run/admin.sock")
        s.sendall(b"POST %s HTTP/1.0\r\nHost: kedge\r\nContent-Length: 0\r\n\r\n" % path.encode())
        text = b"".join(iter(lambda: s.recv(65536), b""))
    return json.loads(text.partition(b"\r\n\r\n")[2])


def scenario(t):
    t.top = {"log": {"level": "warn"}}
    ca = t.carrier("ca", answer())
    t.start()
    base, texts = dict(t.trunks), []
    for i in range(4):
        t.trunks = dict(base, **{"t%d" % k: {"name": "t%d" % k, "side": "carrier", "uri": "sip:127.%d.2.%d" % (t.slot, 100 + k), "probe": {"method": "none"}}
                                 for k in range(10 * i, 10 * i + 10)})
        t.targets = ["ca"] + ["t%d" % k for k in range(10 * i, 10 * i + 10)]
        t.write_config()
        with open(t.config) as f:
            texts.append(f.read())
    long = t.caller(call(20), name="long")
    assert t.until(lambda: long.got("200 INVITE"), 5)

    def reload(n):
        for i in range(n):
            with open(t.config, "w") as f:
                f.write(texts[i % 4])
            said = post(t, "/v1/reload")
            assert said["result"] == "done", said

    reload(RELOADS // 5)
    before = t.resident()
    reload(RELOADS - RELOADS // 5)
    grown = t.resident() - before
    print("%d reloads: %d KB more in memory" % (RELOADS, grown // 1024))
    assert t.sanitized() or grown < 2 << 20, "%d KB more" % (grown // 1024)
    kept = [f for f in os.listdir(t.folder + "/state") if f.startswith("generation.")]
    assert len(kept) == 16, kept
    assert t.figures()["generation"] == RELOADS + 1
    assert t.caller(call(0.2), numbers=["+44207183123"]).wait(10) == 0
    assert ca.received("INVITE") == 2
    t.run(40)
