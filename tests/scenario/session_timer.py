# SPDX-License-Identifier: MIT
"""session_timer (RFC 4028): each leg agrees on its own. A caller that asks for less than min_se gets 422 with Min-SE, one that does not know the extension is
served all the same; a carrier's 422 is tried once more there with its Min-SE; the 2xx names interval and refresher; session_expires = 0s says nothing of it."""
import re

KNOWS = "Supported: timer"


def carrier(raw, m):
    least = int(m["Min-SE"] or 0)
    if least < 1800:
        raw.reply(m, 422, headers=["Min-SE: 1800"])
    else:
        raw.reply(m, 200, sdp=True, headers=["Require: timer", "Session-Expires: %s;refresher=uac" % m["Session-Expires"].split(";")[0]])


def scenario(t):
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": carrier, "BYE": 200}, session_expires="10min")
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": lambda raw, m: raw.reply(m, 200, sdp=True), "BYE": 200}, session_expires="0s")
    t.trunk("pbx1", "pbx", 1, min_se="100s")
    t.profiles = {"out": {"targets": [{"trunk": "ca"}]}, "b": {"targets": [{"trunk": "cb"}]}}
    t.routes = [{"name": "o", "from": "pbx1", "profile": "out"}, {"name": "b", "from": "pbx1", "prefix": "+49", "profile": "b"}]
    t.start()
    pbx = t.tool()
    pbx.answers["BYE"] = 200

    short = ask(t, pbx, "short", [KNOWS, "Session-Expires: 95"])
    assert short.code == 422 and short["Min-SE"] == "100", short.text
    assert ca.received("INVITE") == 0

    ok = ask(t, pbx, "both", [KNOWS, "Session-Expires: 1200"])
    offered = [m for m in ca.got("INVITE")]
    assert [m["Session-Expires"] for m in offered] == ["600", "1800"] and [m["Min-SE"] for m in offered] == ["90", "1800"], [m.text for m in offered]
    assert KNOWS.split()[1] in offered[0]["Supported"]
    assert ok.code == 200 and ok["Session-Expires"] == "1200;refresher=uac" and "timer" in ok["Require"], ok.text
    hangup(t, pbx, ok)

    old = ask(t, pbx, "old", ["Session-Expires: 95"])  # put in by a proxy: the caller could not make sense of a 422
    assert old.code == 200 and old["Session-Expires"] == "95;refresher=uas" and not old["Require"], old.text
    hangup(t, pbx, old)

    theirs = ask(t, pbx, "theirs", [KNOWS, "Session-Expires: 9000;refresher=uas", "Require: timer"])
    assert theirs.code == 200 and theirs["Session-Expires"] == "1800;refresher=uas", theirs.text
    hangup(t, pbx, theirs)

    plain = ask(t, pbx, "plain", [])
    assert plain.code == 200 and not plain["Session-Expires"], plain.text
    hangup(t, pbx, plain)

    off = ask(t, pbx, "off", [KNOWS], number="+4930")
    assert off["Session-Expires"] == "1800;refresher=uac", off.text
    assert not re.search("timer|Session-Expires|Min-SE", cb.first("INVITE").text), cb.first("INVITE").text
    hangup(t, pbx, off)
    t.cdrs = 5


def ask(t, raw, call_id, headers, number="+442071838750"):
    kedge = (t.ip(3), 5060)
    text = raw.begin("INVITE", number, kedge, call_id, body=raw.sdp(), headers=headers)
    raw.say(text, kedge)
    assert t.until(lambda: any(m.code and m.code >= 200 and m["Call-ID"] == call_id for m in raw.messages()), 5), "%s: no answer" % call_id
    m = next(m for m in raw.messages() if m.code and m.code >= 200 and m["Call-ID"] == call_id)
    if m.code == 200:
        raw.say(raw.follow(m, "ACK", 1), kedge)
    else:
        lines = ["To: " + m["To"] if h.startswith("To:") else h for h in text.split("\r\n\r\n")[0].replace("INVITE", "ACK").split("\r\n") if not h.startswith("Content-")]
        raw.say("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n", kedge)
    return m


def hangup(t, raw, ok):
    raw.say(raw.follow(ok, "BYE", 2), (t.ip(3), 5060))
    assert t.until(lambda: any(m.is_("200 BYE") and m["Call-ID"] == ok["Call-ID"] for m in raw.got(200)), 3)
