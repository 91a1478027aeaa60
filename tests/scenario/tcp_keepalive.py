# SPDX-License-Identifier: MIT
"""tcp_keepalive: over TCP a double line end is answered with a single one (RFC 5626 4.4.1), between messages and before them; three INVITEs and half of a fourth come in one
segment, its rest a byte at a time: four calls."""


def scenario(t):
    ca = t.carrier("ca", answer())
    t.start()
    raw = t.tool(tcp=True)
    s = raw.connect(t.kedge_at())
    raw.links.pop(s)  # read here
    s.settimeout(5)
    for _ in range(2):
        s.sendall(b"\r\n\r\n")
        assert s.recv(10) == b"\r\n"
    invites = [raw.begin("INVITE", "+44207183875%d" % i, t.kedge_at(), call_id="raw%d" % i, tag="raw%d" % i, body=raw.sdp(), branch="b%d" % i) for i in range(4)]
    data = ("\r\n\r\n" + "".join(invites)).encode()
    half = len(data) - len(invites[3]) // 2
    s.sendall(data[:half])
    assert t.until(lambda: ca.received("INVITE") == 3, 5)
    for i in range(half, len(data)):
        s.send(data[i:i + 1])
    assert t.until(lambda: ca.received("INVITE") == 4, 5)
    raw.links[s] = b""
    assert t.until(lambda: raw.received("200 INVITE") == 4, 5), raw.messages()
    for ok in raw.got("200 INVITE"):
        for method, n in (("ACK", 1), ("BYE", 2)):
            raw.say(raw.follow(ok, method, n), s)
    assert t.until(lambda: raw.received("200 BYE") == 4 and ca.received("BYE") == 4, 5)
    assert not raw.got(400)
    t.cdrs = 4
    t.audio_strict = False
