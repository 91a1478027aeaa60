# SPDX-License-Identifier: MIT
"""io_uring_denied: `kedge run` where io_uring is denied, as in a default container: the start line and `kedge trunks` say epoll, and calls
pass with their audio whole."""
import os


def scenario(t):
    t.launcher = [os.path.join(t.build, "tests", "deny_uring")]
    t.carrier("ca", answer())
    pbx = t.caller(call(talk=1.5), numbers=["+44207183875%d" % i for i in range(8)], rate=20)
    said = [e for e in t.events("plane.ready") if e["plane"] == "media"][0]["detail"]
    assert "epoll" in said, said
    assert t.events("media.backend")[0]["why"], t.events("media.backend")
    assert t.events("run.ready")[0]["backend"] == "epoll"
    assert "epoll" in t.verb("trunks"), t.verb("trunks")
    assert t.figures()["media"][0]["backend"] == "epoll"
    t.run()
    assert pbx.received("200 INVITE") == 8


def after(t):
    t.heard("ca", 60, calls=8)
    t.heard("caller1", 60, calls=8)
