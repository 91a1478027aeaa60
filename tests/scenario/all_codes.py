# SPDX-License-Identifier: MIT
"""all_codes (A9 A46 A153): every code from 300 to 699, before ringing, after 183 and after 180, with a second carrier and alone, under both presets: whether the next carrier is tried, and
what the caller gets where it is not, is the table below, which says it in another form than routing/cause.c. One call each; ten are under way at once."""

CALLS = 10


def among(text, code):
    return any(int(w.split("-")[0]) <= code <= int(w.split("-")[-1]) for w in text.split())


def goes_on(code, rang, strict):
    if rang:
        return rang == 183 and code in (500, 502, 503, 504)
    if strict:
        return among("300-379 381-399 408 500-599", code)
    return among("300-379 381-399 400-402 405-408 413 415 416 420-422 428-430 436-438 481 488 491 493 500-599", code)


def told(code, rang, strict, alone):
    """The caller gets this when the hunt stops there. 408 before ringing is silence on the way, with other words."""
    return 500 if code == 408 and not rang and alone else said(code)


def said(code):
    if among("300-399 400-402 405 407 412 422 423 428 430 436-440 469 470 481 489 491 494", code):
        return 500  # 422: the caller asked for no session timer
    if code in (406, 415):
        return 488
    if code in (413, 429):
        return {413: 513, 429: 503}[code]
    return 500 if 500 <= code < 600 and code not in (502, 504, 580) else code


def by_subject(raw, m):
    """The Subject, which crosses, says what the carrier does."""
    code, rang = map(int, (m["Subject"] or m["s"]).split())
    if rang:
        raw.reply(m, rang, sdp=rang == 183)
    raw.reply(m, code, headers=["Min-SE: 90"] if code == 422 else [])


def scenario(t):
    # All calls find the carrier as good as new, also when a busy machine lets it wait for half a second.
    never = {"breaker": {"consecutive": 1000, "window": []}, "timers": {"first_response": "5s", "first_response_adaptive": False}}
    ca = t.silent("ca", {"OPTIONS": 200, "INVITE": by_subject}, **never)
    strict = t.silent("cs", {"OPTIONS": 200, "INVITE": by_subject}, codes_preset="strict", **never)
    cb = t.silent("cb", {"OPTIONS": 200, "INVITE": lambda raw, m: (raw.reply(m, 603))}, **never)
    t.profiles = {n: {"targets": [{"trunk": n}, {"trunk": "cb"}]} for n in ("ca", "cs")}
    t.profiles.update({n + "-alone": {"targets": [{"trunk": n}], "retry_same": {"max": 0}} for n in ("ca", "cs")})
    t.routes = [{"name": n, "from": "pbx1", "prefix": p, "profile": n} for n, p in (("ca", "+441"), ("cs", "+442"), ("ca-alone", "+443"), ("cs-alone", "+444"))]
    # Hundreds of calls a second, each with two or three port pairs: none is refused for want of one, however late the worker gets its turn.
    t.top["limits"], t.top["media"] = {"max_calls": 190}, {"port_rest": "20ms"}
    t.start()
    pbx = t.tool()
    pbx.finals, pbx.answers["response"] = {}, acknowledge
    calls = [(code, rang, strict, alone) for code in range(300, 700) for rang in (0, 183, 180) for strict in (False, True) for alone in (False, True)]
    for i in range(0, len(calls), CALLS):
        for call in calls[i:i + CALLS]:
            pbx.say(pbx.begin("INVITE", "+44%d" % (1 + call[2] + 2 * call[3]), t.kedge_at(), name(call), name(call), pbx.sdp(), name(call), ["Subject: %d %d" % call[:2]]), t.kedge_at())
        assert t.until(lambda: len(pbx.finals) >= min(i + CALLS, len(calls)), 10), "no final answer to %s" % [c for c in calls[i:i + CALLS] if name(c) not in pbx.finals]
    moved = {(m["Subject"] or m["s"]) + m.uri.split("@")[0][-2:] for m in cb.got("INVITE")}
    wrong = []
    for call in calls:
        went = "%d %d4%d" % (call[0], call[1], 1 + call[2]) in moved and not call[3]
        if went != (goes_on(*call[:3]) and not call[3]):
            wrong.append("%s: %s" % (name(call), "the next carrier was tried" if went else "no other carrier was tried"))
        elif not went and pbx.finals[name(call)] != told(*call):
            wrong.append("%s: the caller got %d, not %d" % (name(call), pbx.finals[name(call)], told(*call)))
    assert not wrong, "\n".join(wrong)
    assert ca.received("INVITE") + strict.received("INVITE") >= len(calls)
    t.cdrs = len(calls)


def name(call):
    return "c%d-r%d-%s%s" % (call[0], call[1], "strict" if call[2] else "default", "-alone" if call[3] else "")


def acknowledge(raw, m):
    if m.code >= 200 and m.method == "INVITE":
        raw.say("ACK sip:x SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (
            m["Via"].split(";received")[0].split(";rport")[0], m["From"], m["To"], m["Call-ID"]), m.source)
        raw.finals[m["Call-ID"]] = m.code
