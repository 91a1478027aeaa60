# SPDX-License-Identifier: MIT
"""signaling_dies (A75): calls are up through a carrier when its signaling dies. The audio of all of them goes on, not a packet lost, and a
new call goes through the next carrier."""


def scenario(t):
    ca = t.carrier("ca", answer())
    cb = t.carrier("cb", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), ack(), pause(6)] + [bye(), recv(200)],
                   numbers=["+4420718%05d" % i for i in range(10)], rate=20)
    t.start()
    assert t.until(lambda: len(pbx.got("200 INVITE")) == 10, 10)
    ca.freeze()
    new = t.caller(call(talk=0.5), name="new")
    assert new.wait(15) == 0
    assert cb.received("INVITE") == 1
    ca.thaw()
    t.run()


def after(t):
    t.heard("ca", 250, calls=10)
    t.heard("caller1", 250, calls=10)
