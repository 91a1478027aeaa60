# SPDX-License-Identifier: MIT
"""sipsak: the PBX's administrator asks with sipsak whether kedge is there: 200. In its trash mode, which breaks the request at random, no plane dies, and a call afterwards
is as good as any."""
import shutil
import subprocess


def scenario(t):
    if not shutil.which("sipsak"):
        raise Skip("no sipsak: tools/deps interop")
    ca = t.carrier("ca", answer())
    # It sends from 127.0.0.1 and cannot be told otherwise.
    t.trunk("pbx1", "pbx", 1, sources=["127.0.0.1/32", "127.%d.1.0/24" % t.slot])
    t.start()
    uri = "sip:1000@%s" % t.ip(3)
    done = subprocess.run(["sipsak", "-vv", "-s", uri], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "200 OK" in done.stdout, (done.returncode, done.stdout, done.stderr)
    for chars in range(5, 100, 10):
        subprocess.run(["timeout", "0.3", "sipsak", "-R", "-t", str(chars), "-s", uri], capture_output=True)
    done = subprocess.run(["sipsak", "-s", uri], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, (done.returncode, done.stdout)
    t.caller(call(talk=0.5))
    t.run()
    assert ca.received("INVITE") == 1


def after(t):
    t.heard("caller1", 10)
    t.heard("ca", 10)
