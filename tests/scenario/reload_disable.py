# SPDX-License-Identifier: MIT
"""reload_disable (A57): a call is up through ca when a reload disables it, once the trunk itself and once its place in the profile. From then on not one INVITE goes there;
the call lives on, is held and resumed by either side, and ends as it would have: DRAINING until then, OFF after. Enabled again, ca has the next call."""
import json

HOLD, RESUME = {"direction": "sendonly", "version": 2}, {"version": 3}


def again(sdp):
    return [invite(sdp=sdp), recv(100, optional=True), recv(200, rtp=False), ack()]


def scenario(t):
    t.top = {"test": {"time_scale": 10}}
    held = [recv("INVITE"), send(200, sdp={"direction": "recvonly", "version": 2}, speak=False), recv("ACK"), recv("INVITE"), send(200, sdp={"version": 3}, speak=False), recv("ACK")]
    ca = t.carrier("ca", {"7": answer()[:-2] + held + [recv("BYE"), send(200)], "1": answer()})
    cb = t.carrier("cb", answer())
    t.allow_audio = ("lost", "ts")
    numbers = iter("+44207183%03d1" % n for n in range(100))
    t.start()

    def one():
        assert t.caller(call(0.2), numbers=[next(numbers)]).wait(10) == 0

    def state():
        return next(k["state"] for k in json.loads(t.verb("trunks", "--json"))["trunks"] if k["trunk"] == "ca")

    def reload():
        t.write_config()
        assert "is in force" in t.verb("reload")

    def disable_and_back(n, off, on, draining):
        long = t.caller(call(1)[:-2] + [pause(1)] + again(HOLD) + [pause(1.5)] + again(RESUME) + [pause(1)] + hangup(), numbers=["+4420718%d0007" % n], name="long%d" % n)
        assert t.until(lambda: long.got("200 INVITE"), 5)
        off()
        reload()
        asked = ca.received("INVITE")
        for _ in range(3):
            one()
        assert state() == draining
        assert long.wait(20) == 0
        one()
        assert ca.received("INVITE") - asked == 2, "the hold and the resume, no new call"
        assert cb.received("INVITE") == 4 * n
        if draining == "DRAINING":
            assert t.until(lambda: state() == "OFF", 5), state()
        on()
        reload()
        asked = ca.received("INVITE")
        one()
        assert ca.received("INVITE") == asked + 1

    disable_and_back(1, lambda: t.trunks["ca"].update(enabled=False), lambda: t.trunks["ca"].update(enabled=True), "DRAINING")
    t.profile = {}
    t.profiles = {"out": {"targets": [{"trunk": "ca", "enabled": False}, {"trunk": "cb"}]}, "in": {"targets": [{"trunk": "pbx1"}]}}
    target = t.profiles["out"]["targets"][0]
    disable_and_back(2, lambda: None, lambda: target.update(enabled=True), "UP")
    t.run(20)
