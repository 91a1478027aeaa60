# SPDX-License-Identifier: MIT
"""reload_refused (A70): a reload of files with mistakes names each with file, line and what would be right; one that changes a listener names it and says that it needs a
restart. Either way nothing has changed, the exit code is 1, and new calls are taken all the while, also by way of SIGHUP and while one trunk's file is broken. The verbs
still find their daemon. A trunk that was mended comes in with the next reload."""
import json
import os
import signal
import subprocess


def scenario(t):
    # libconfig 1.5 forgets a string it was reading when a syntax error stops it.
    t.env = {"LSAN_OPTIONS": "suppressions=%s/tests/lsan.supp:print_suppressions=0" % os.path.dirname(os.path.abspath(t.build))}
    ca, cb = t.carrier("ca", answer()), t.carrier("cb", answer())
    t.targets = ["ca"]
    later = t.trunks.pop("cb")
    numbers = iter("+44207183%04d" % n for n in range(100))
    t.start()

    def one(carrier):
        asked = carrier.received("INVITE")
        assert t.caller(call(0.2), numbers=[next(numbers)]).wait(10) == 0
        assert carrier.received("INVITE") == asked + 1

    def refused(*told, how=("reload",)):
        done = subprocess.run([os.path.join(t.build, "kedge"), *how, "-f", t.config], capture_output=True, text=True, env=dict(os.environ, KEDGE_TEST="1"))
        assert done.returncode == 1, done
        for text in told:
            assert text in done.stdout + done.stderr, (text, done.stdout + done.stderr)
        assert t.figures()["generation"] == 1
        one(ca)

    def trunk_file(text):
        os.makedirs(t.folder + "/trunks.d", exist_ok=True)
        with open(t.folder + "/trunks.d/cb.cfg", "w") as f:
            f.write(text)

    one(ca)
    # One broken trunk file, and a mistake in another place.
    trunk_file('side = "carrier";\nuri = "sip:%s";\nprobe = { intervall = "10s"; };\nmax_calls = "many";\n' % later["uri"][4:])
    with open(t.config, "a") as f:
        f.write('sip = { t1 = "7ms"; };\n')
    lines = open(t.config).read().count("\n")
    refused("trunks.d/cb.cfg:3: error: ", 'did you mean "interval"?', "trunks.d/cb.cfg:4: error: ", "kedge.cfg:%d: error: sip.t1: " % lines, "refused, 3 errors; generation 1 stays in force")
    assert len(json.loads(t.verb("trunks", "--json"))["trunks"]) == 2
    t.kedge.send_signal(signal.SIGHUP)
    assert t.told("config.refused", 2)[-1]["errors"] == 3 and len(t.told("config.error", 6)) == 6
    one(ca)
    # A parse error.
    t.write_config()
    trunk_file('side = "carrier"\nuri "sip:127.0.0.1";\n')
    refused("trunks.d/cb.cfg:2: error: syntax error near: uri ")
    os.unlink(t.folder + "/trunks.d/cb.cfg")
    # What a reload cannot do.
    t.top = {"limits": {"max_calls": 50}, "sip": {"user_agent": "new"}}
    t.write_config()
    said = "limits.max_calls needs a restart"
    refused("limits.max_calls: 100 -> 50 (needs a restart)", 'sip.user_agent: "kedge" -> "new"\n', said)
    refused(said, how=("reload", "--dry-run"))
    t.top = {"interfaces": [{"name": "inside", "address": t.ip(3), "rtp_ports": "22000-22399"},
                            {"name": "outside", "address": t.ip(4), "sip_port": 5070, "rtp_ports": "22400-23199"}]}
    t.write_config()
    refused('interface "outside".sip_port: 5060 -> 5070 (needs a restart)')
    assert [e["why"] for e in t.told("config.refused", 5)][3].startswith(said)
    # Mended: by signal.
    t.top = {}
    t.trunks["cb"], t.targets = later, ["cb", "ca"]
    t.write_config()
    t.kedge.send_signal(signal.SIGHUP)
    assert t.until(lambda: t.figures()["generation"] == 2, 5), t.events("config.refused")
    assert t.told("config.reload", 1)[-1]["who"] == "SIGHUP"
    one(cb)
    n = t.figures()["counters"]
    assert (n["reloads"], n["reloads_refused"]) == (1, 5), n
    t.run(20)
