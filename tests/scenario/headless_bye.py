# SPDX-License-Identifier: MIT
"""headless_bye (A130): a carrier of two hops answers a hold with 481, and its leg goes on without signaling. The PBX hangs up: the BYE is said to the first hop, then at once to the other, then to both in turn
with growing pauses. One call is heard at the third try: its record is written then. The other never is: its record says so when the hour is over (here 36 s / 2), though its ports are free at once."""


def scenario(t):
    t.time_scale = 200
    t.top = {"sip": {"t1": "4s"}}  # 20 ms here, timer F 1.3 s

    def invited(raw, m):
        if not m.to_tag:
            raw.reply(m, 200, sdp=True)
        elif m["Call-ID"] not in seen:
            seen.add(m["Call-ID"])
            raw.reply(m, 481)
    seen, said = set(), []

    def hears(raw, m):
        if "+44111" in m["To"]:
            said.append((raw.name, m))
            if len({x["CSeq"] for _, x in said}) == 3:
                raw.reply(m, 200)
    doing = {"OPTIONS": 200, "INVITE": invited, "BYE": hears}
    # At this scale a machine that stands still for 10 ms would have moved the call to the other hop.
    patient = {"first_response": "32s", "first_response_adaptive": False, "progress": "60s", "progress_failover": "60s"}
    ca = t.silent("ca", doing, hops=[t.uri(2, 1, "ca"), t.uri(2, 2, "ca2")], timers=patient)
    other = type(ca)("ca2", t.ip(2, 2), t.port("ca2"), doing)  # no party: it is the same carrier, which may know what the first hop knows
    t.passes = [r"127\.\d+\.2\.[12]$"]
    pbx = t.caller([invite(), recv(100, optional=True), recv(200), ack(), pause(0.2),
                    invite(sdp={"direction": "sendonly", "version": 2}), recv(100, optional=True), recv(200, rtp=False), ack(), pause(0.2), bye(rtp=False), recv(200)],
                   numbers=["+44111", "+44222"], limit=1)
    t.run()
    assert pbx.received("200 BYE") == 2
    assert t.until(lambda: t.media("sessions") == 0, 3), "its ports wait for the BYE"
    assert t.until(lambda: any(r["dst"] == "+44111" for r in t.cdr()), 15), said
    assert [n for n, m in first_of_each(said)] == ["ca", "ca2", "ca"], first_of_each(said)
    assert not any(r["dst"] == "+44222" for r in t.cdr()), "written before it was known"
    assert t.until(lambda: len(t.cdr()) == 2, 40), t.cdr()
    records = {r["dst"]: r for r in t.cdr()}
    assert "unconfirmed" not in records["+44111"] and records["+44222"]["unconfirmed"] is True, records
    assert records["+44222"]["billsec"] < 400 and records["+44222"]["ended_by"] == "caller", records
    byes = len({m["CSeq"] for m in ca.got("BYE") + other.got("BYE") if "+44222" in m["To"]})
    assert 5 < byes < 16, byes
    other.stop()
    t.audio_strict = False


def first_of_each(said):
    seen = {}
    for name, m in said:
        seen.setdefault(m["CSeq"], (name, m))
    return list(seen.values())
