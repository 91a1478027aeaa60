# SPDX-License-Identifier: MIT
"""calls_10000: ten thousand calls one after the other leave nothing behind: memory after the last one is what it was after the four thousandth."""

CALLS = 10000


def scenario(t):
    t.top = {"log": {"level": "info"}}
    t.keep_audio, t.audio_strict, t.trace = False, False, False  # a trace of it all takes longer to read than to make
    t.carrier("ca", [recv("INVITE"), send(180), send(200, speak=False), recv("ACK"), recv("BYE"), send(200)])
    t.start()
    sizes = []
    for part in range(5):
        t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200, rtp=False), ack(), bye(rtp=False), recv(200)],
                 numbers=["+44207%d%05d" % (part, i) for i in range(CALLS // 5)], rate=100, limit=60, name="part%d" % part)
        t.run(60)
        sizes.append(t.resident())
    print("private memory after each fifth: %s KB" % [s // 1024 for s in sizes])
    assert sizes[-1] < sizes[1] * 1.03 + 256 * 1024, sizes
