# SPDX-License-Identifier: MIT
"""rollback_kept (A117): what a rollback put in force is in force for a signaling plane that dies after it, and for a kedge that is started again while the files still say
what was taken back; a reload reads them. The same after a reload: a plane that dies begins with the new configuration."""
import os
import re
import signal


def scenario(t):
    ca, cb = t.carrier("ca", answer()), t.carrier("cb", answer())
    first, second = ["ca", "cb"], ["cb", "ca"]
    t.targets, t.killed = first, True
    numbers = iter("+44207183%04d" % n for n in range(100))
    t.start()

    def through(carrier, generation):
        before, records = carrier.received("INVITE"), len(t.cdr())
        assert t.caller(call(0.3), numbers=[next(numbers)]).wait(10) == 0
        assert carrier.received("INVITE") == before + 1, "the call went elsewhere"
        assert t.until(lambda: len(t.cdr()) > records, 3)
        assert t.cdr()[-1]["generation"] == generation and t.figures()["generation"] == generation, t.cdr()[-1]

    def write(targets):
        t.targets = targets
        t.write_config()

    def kill():
        pid = t.pid("sig")
        os.kill(pid, signal.SIGKILL)
        assert t.until(lambda: t.figures() and t.pid("sig") != pid, 10)

    def again():
        t.kedge.send_signal(signal.SIGTERM)
        assert t.kedge.wait(20) == 0
        t.launch()

    write(second)
    t.verb("reload")
    kill()
    through(cb, 2)
    assert "generation 1 is in force: " in t.verb("rollback")
    kill()
    through(ca, 1)
    assert t.verb("rollback", ok=False) == "", "there is nothing before generation 1"
    again()
    through(ca, 1)
    assert any("not in force" in e["why"] for e in t.events("config.warning")), "it is not said that the files are not in force"
    assert "generation 3 is in force: " in t.verb("reload")
    through(cb, 3)
    assert re.search(r"^\* +3 +1 ", t.verb("generations"), re.M), t.verb("generations")
    again()
    through(cb, 3)
    t.verb("rollback")
    write(first + [])
    assert t.verb("reload") == "nothing differs: generation 1 is in force\n"
    write(second)
    t.verb("reload")
    t.verb("rollback", "1")
    t.targets = first
    t.top = {"sip": {"user_agent": "another"}}
    t.write_config()
    again()  # the files were written since: they are read
    through(ca, 5)
