# SPDX-License-Identifier: MIT
"""probe_answers (A79 A81 A82 A85 A126): what a trunk's answers to OPTIONS are worth, nine trunks side by side: 404 and 405 are alive, 500 and 503 are not; probe.ok = "200"
narrows that; one lost of three, one late of ten, good and bad in turn change nothing; three bad in a row do. Time runs twenty times faster."""

CODES = {"c404": (404, "UP"), "c405": (405, "UP"), "c486": (486, "UP"), "c500": (500, "options_500"), "c503": (503, "options_503")}


def scenario(t):
    t.time_scale = 20
    for name, (code, _) in CODES.items():
        t.silent(name, {"OPTIONS": code})
    t.silent("narrow", {"OPTIONS": 404}, probe={"ok": "200"})
    t.silent("wide", {"OPTIONS": 503}, probe={"ok": "2xx,503"})
    t.silent("turns", {"OPTIONS": turns}, probe={"interval": "4s"})
    t.silent("lossy", {"OPTIONS": lossy}, probe={"interval": "4s"})
    t.silent("late", {"OPTIONS": late}, probe={"interval": "4s"})
    t.start()
    last = lambda name: ([e for e in t.events("trunk.state") if e["trunk"] == name] or [None])[-1]
    assert t.until(lambda: all(len(t.peers[n].got("OPTIONS")) >= 30 for n in ("turns", "lossy", "late")), 20)
    for name, (code, is_) in CODES.items():
        e = last(name)
        assert (e["to"], e["why"]) == (("UP", "probed") if is_ == "UP" else ("DOWN", is_)), (name, e)
    assert (last("narrow")["to"], last("narrow")["why"]) == ("DOWN", "options_404")
    assert last("wide")["to"] == "UP"
    for name in ("turns", "lossy", "late"):
        states = [(e["to"], e["why"]) for e in t.events("trunk.state") if e["trunk"] == name]
        assert states == [("UP", "probed")], (name, states)


def count(raw):
    return len(raw.got("OPTIONS"))


def turns(raw, m):
    raw.reply(m, 503 if count(raw) % 2 else 200)


def lossy(raw, m):
    if count(raw) % 3:
        raw.reply(m, 200)


def late(raw, m):
    """Of ten one 900 ms late."""
    if count(raw) % 10:
        raw.reply(m, 200)
    else:
        raw.later(0.9 / 20, lambda: raw.reply(m, 200))
