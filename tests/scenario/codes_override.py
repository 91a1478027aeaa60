# SPDX-License-Identifier: MIT
"""codes_override (A14): a trunk's own table: 480 goes on, 500 stops, 404 taken for 503."""


def scenario(t):
    ca = t.carrier("ca", {"480": refuse(480), "500": refuse(500), "404": refuse(404)}, codes={"next": "480", "stop": "500", "map": ["404:503"]})
    cb = t.carrier("cb", answer())
    t.caller(call(talk=0.2), numbers=["+44207183480", "+44207183404"], limit=1)
    t.run()
    t.caller(fails(500), numbers=["+44207183500"])
    t.run()
    assert ca.received("INVITE") == 3 and cb.received("INVITE") == 2
