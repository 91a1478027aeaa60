# SPDX-License-Identifier: MIT
"""headers (A133, A134): one call, two carriers, two header profiles. The first gets its X-Provider and says 403, the second gets the numbers, hosts
and identity it wants and nothing of the first's; neither learns what the PBX keeps to itself."""

INSIDE = ["X-Provider: Inside", "X-Internal: account-7", "Subject: about the order", "Call-Info: <http://[local_ip]/card>", "User-Agent: PBX 1.0",
          "Organization: Secret Ltd", 'P-Asserted-Identity: "Bob" <sip:+442071838759@[local_ip]>', "Reply-To: <sip:bob@[local_ip]>"]


def scenario(t):
    ca = t.carrier("ca", refuse(403), codes={"next": "403"},
                   headers={"number_format": "e164", "from_host": "alpha.example", "pai": "set", "set": ["X-Provider: Primary"]})
    cb = t.carrier("cb", answer(), trusted=True,
                   headers={"number_format": "national:44", "from_host": "beta.example", "strip": ["Subject"], "prefix_add": "77"})
    t.trunk("pbx1", "pbx", 1, trusted=True)
    pbx = t.caller([invite(headers=INSIDE, frm="442071838751")] + call(talk=0.6)[1:], numbers=["442071838750"])
    t.run()
    first, second = ca.first("INVITE"), cb.first("INVITE")

    assert first.uri == "sip:+442071838750@%s:5060" % t.ip(2, 1), first.uri
    assert first["To"] == "<sip:+442071838750@%s>" % t.ip(2, 1), first["To"]
    assert first["From"].startswith("<sip:+442071838751@alpha.example>;tag="), first["From"]
    assert first["P-Asserted-Identity"] == "<sip:+442071838759@alpha.example>", first["P-Asserted-Identity"]
    assert first.all("X-Provider") == ["Primary"]
    assert (first["Subject"] or first["s"]) == "about the order"

    assert second.uri == "sip:7702071838750@%s:5060" % t.ip(2, 2), second.uri
    assert second["From"].startswith("<sip:02071838751@beta.example>;tag="), second["From"]
    assert second["P-Asserted-Identity"] == '"Bob" <sip:02071838759@beta.example>', second["P-Asserted-Identity"]
    assert second["X-Provider"] is None and second["Subject"] is None and second["s"] is None

    for m in ca.got("INVITE") + ca.got("ACK") + cb.got("INVITE") + cb.got("ACK") + cb.got("BYE"):
        for secret in ("account-7", "Secret Ltd", "PBX 1.0", "/card", "Reply-To", "Inside"):
            assert secret not in m.text, m.text
    assert first["Call-ID"] != second["Call-ID"] and pbx.sent("INVITE")[0]["Call-ID"] not in (first["Call-ID"], second["Call-ID"])


def after(t):
    t.heard("caller1", 20)
    t.heard("cb", 20)
