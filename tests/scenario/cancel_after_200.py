# SPDX-License-Identifier: MIT
"""cancel_after_200: the CANCEL comes when the 200 is already on its way: it finds no transaction and changes nothing (RFC 3261 9.2), the call stands."""


def scenario(t):
    ca = t.carrier("ca", answer())
    pbx = t.caller([invite(), recv(100, optional=True), recv(180, optional=True), recv(200), cancel(), recv(481), ack(), pause(0.5)] +
                   hangup())
    t.run()
    assert ca.received("CANCEL") == 0 and ca.received("BYE") == 1
    assert pbx.received(487) == 0
