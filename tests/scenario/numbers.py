# SPDX-License-Identifier: MIT
"""numbers: the called number in every form that RFC 3261, 3966 and 4694 allow: tel: URIs with and without context, visual separators, escaped characters, user parameters, a
password, a scheme in capitals. The route sees one number, the carrier one plain sip: URI (RFC 3261 19.1.6); a sips: URI is refused with 416, for nobody here keeps what it asks."""

FORMS = [("tel:+442071838750", "+442071838750"), ("tel:+44-20-7183-8750;isub=1", "+442071838750"), ("tel:+44(20)7183.8750", "+442071838750"),
         ("TEL:02071838750;phone-context=+44", "02071838750"), ("tel:7183-8750;phone-context=example.com", "71838750"),
         ("sip:+44%20(20)%207183-8750@[remote_ip]:[remote_port];user=phone", "+442071838750"),
         ("sip:+442071838750;npdi;rn=+442079@[remote_ip]:[remote_port]", "+442071838750"), ("sip:%2b44%32071838750@[remote_ip]", "+442071838750"),
         ("sip:+442071838750:secret@[remote_ip]:[remote_port];transport=udp;foo=bar", "+442071838750"), ("SIP:+442071838750@[remote_ip]", "+442071838750")]


def scenario(t):
    t.top = {"limits": {"max_calls": 40}}
    ca = t.carrier("ca", answer(), sources=["127.%d.2.0/24" % t.slot])
    for i, (uri, _) in enumerate(FORMS):
        steps = [invite(uri=uri)] + call(talk=0.2)[1:]
        t.caller(steps, host=i + 1)
    for host in (1, 2):
        t.caller([invite(uri="sips:+442071838750@[remote_ip]")] + fails(416)[1:], host=20 + host)
    t.cdrs = len(FORMS)
    t.run()
    got = sorted(m.uri for m in ca.got("INVITE"))
    assert got == sorted("sip:%s@%s:5060" % (n, t.ip(2)) for _, n in FORMS), got
    assert ca.received("BYE") == len(FORMS) and all("<sip:" in m["To"] and "tel:" not in m.text.lower() for m in ca.got("INVITE"))


def after(t):
    t.heard("ca", 5, calls=len(FORMS))
    assert sorted(r["dst"] for r in t.cdr() if r["code"] == 200) == sorted(n for _, n in FORMS), t.cdr()[0]
