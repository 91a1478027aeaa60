# SPDX-License-Identifier: MIT
"""retry_same_ends (A10): a trunk that is busy for a moment gets the call at the second try; a Retry-After is waited for, not the shorter delay; a caller who
hangs up during the wait gets his 487 at once and nothing is tried for him any more; and where there are two trunks nobody waits."""


def busy_once(raw, m):
    key = m.uri  # a Call-ID is of one try
    first = key not in raw.calls
    raw.calls.add(key)
    if m.uri.startswith("sip:+442071838757@"):
        raw.reply(m, 503, headers=("Retry-After: 2",))
    else:
        raw.reply(m, 503 if first else 404)


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": busy_once})
    ca.calls = set()
    t.profile = {"all_failed": "503"}
    t.start()
    once = t.caller(fails(404), limit=1)
    t.run()
    assert ca.received("INVITE") == 2 and once.received(404) == 1
    # Hangs up while it waits.
    gone = t.caller([invite(), recv(100), pause(0.4), cancel(), recv(200), recv(487), ack()], numbers=["+442071838751"], name="gone", host=2)
    t.run()
    assert t.gap(gone.sent("CANCEL")[0], gone.first(487)) < 0.2
    assert t.until(lambda: False, 1.6) is False and ca.received("INVITE") == 3
    late = t.caller(fails(503), numbers=["+442071838757"], name="late", host=3)
    t.run()
    tries = [m for m in ca.got("INVITE") if "8757@" in m.uri]
    assert len(tries) >= 2 and all(1.99 <= t.gap(a, b) < 3.5 for a, b in zip(tries, tries[1:])), tries
    assert late.received(503) == 1
