# SPDX-License-Identifier: MIT
"""reload (A117): two calls are up through ca when the files take ca out and put cc in. --dry-run says so and changes nothing; the reload does it: new calls go to cc, the
old ones talk on and end as they would have, one by ca itself, not a packet lost. A rollback has the first configuration in force again in less than a second. Each call's record has the number
of the generation it began with, and the log says what changed."""
import json
import re
import time


def scenario(t):
    hangs_up = answer()[:-2] + [pause(4), bye(), recv(200)]
    ca, cb, cc = t.carrier("ca", {"8": hangs_up, "1": answer()}), t.carrier("cb", answer()), t.carrier("cc", answer())
    t.targets = ["ca", "cb"]
    later = t.trunks.pop("cc")
    numbers = iter("+44207183%03d1" % n for n in range(100))
    long = t.caller(call(6), numbers=[next(numbers)], name="long")
    # The carrier that is gone by then ends this one.
    ended = t.caller(call(0)[:-2] + [recv("BYE"), send(200)], numbers=["+442071830008"], name="ended", host=2)
    assert t.until(lambda: long.got("200 INVITE") and ended.got("200 INVITE"), 5)

    def through(carrier):
        before = carrier.received("INVITE")
        assert t.caller(call(0.3), numbers=[next(numbers)]).wait(10) == 0
        assert carrier.received("INVITE") == before + 1, "the call went elsewhere"

    through(ca)
    t.trunks, t.targets = {"pbx1": t.trunks["pbx1"], "cc": later, "cb": t.trunks["cb"]}, ["cc", "cb"]
    t.write_config()
    said = t.verb("reload", "--dry-run")
    assert "generation 2 would be in force: " in said and 'trunk "ca": removed' in said and 'trunk "cc": added' in said and 'profile "out".targets: ca, cb -> cc, cb' in said, said
    through(ca)
    said = t.verb("reload")
    assert "generation 2 is in force: " in said, said
    through(cc)
    assert t.verb("reload") == "nothing differs: generation 2 is in force\n"
    shown = json.loads(t.verb("trunks", "--json"))
    assert shown["generation"] == 2 and sorted(k["trunk"] for k in shown["trunks"]) == ["cb", "cc", "pbx1"], shown
    assert [c["trunk"] for c in json.loads(t.verb("calls", "--json"))["calls"]] == ["ca", "ca"]

    began = time.monotonic()
    said = t.verb("rollback")
    took = time.monotonic() - began
    print("rollback: %.0f ms" % (1000 * took))
    assert took < 1 and "generation 1 is in force: " in said, said
    through(ca)
    t.verb("reload")
    through(cc)
    assert not long.got("200 BYE"), "the long call is to outlive all of this"
    t.run(20)
    t.told_by = t.verb("events")
    assert cb.received("INVITE") == 0


def after(t):
    assert sorted(r["generation"] for r in t.cdr()) == [1, 1, 1, 1, 1, 2, 3]
    assert next(r for r in t.cdr() if r["dst"].endswith("8"))["ended_by"] == "callee"
    t.heard("long", 250)
    done = [(e["how"], e["generation"], e["before"]) for e in t.events("config.reload")]
    assert done == [("reload", 2, 1), ("rollback", 1, 2), ("reload", 3, 1)], done
    assert re.findall(r"(reload|rollback) by \S+: configuration (\d) in place of (\d), 5 changes", t.told_by) == [("reload", "2", "1"), ("rollback", "1", "2"), ("reload", "3", "1")]
    assert {'trunk "ca"', 'trunk "cc"'} <= {e["what"] for e in t.events("config.change")}
