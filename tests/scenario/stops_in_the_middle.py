# SPDX-License-Identifier: MIT
"""stops_in_the_middle: SIGTERM while the last carrier owes an answer to a BYE, and another one to a CANCEL, and a caller the answer to a late offer. kedge
ends cleanly, each call has its record, and no BYE goes before the ACK."""


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200 if not m.uri.startswith("sip:+442") else 100, sdp=True)},
                  late_offer="pass")
    t.caller([invite(), recv(100, optional=True), recv(200), ack(), pause(0.2), bye(rtp=False), recv(200)], numbers=["+441"])
    t.caller([invite(), recv(100), pause(0.3), cancel(), recv(200), recv(487), ack()], numbers=["+442"])
    t.audio_strict = False
    t.sip_strict = False  # an ACK is owed until kedge ends; after() looks for it
    t.run()
    assert t.until(lambda: ca.got("BYE") and ca.got("CANCEL"), 3)
    silent = t.caller([invite(sdp=None), recv(100), recv(200), pause(30)], numbers=["+443"])
    assert t.until(lambda: silent.got(200), 3)
    t.cdrs = 1  # so far
    t.settle = lambda: t.until(lambda: t.cdr(), 3)  # idle it will not be


def after(t):
    assert sorted(r["disposition"] for r in t.cdr()) == ["ANSWERED", "ANSWERED", "CANCELLED"], t.cdr()
    ca = t.peers["ca"]
    call_id = ca.got("INVITE")[-1]["Call-ID"]
    last = [m.method for m in ca.messages() if m.way == "in" and m["Call-ID"] == call_id and not m.is_("INVITE")]
    assert last[:2] == ["ACK", "BYE"], last
