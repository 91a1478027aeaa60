# SPDX-License-Identifier: MIT
"""topology: does one side of kedge learn anything of the other? Every scenario is asked at its end (Rig.finish).

All peers of the PBX's side are one zone, each address outside is a zone of its own: carriers do not learn of each other either. What a zone keeps:
  addresses     of its network and host names (NAME.pbx.hidden, NAME.carrier.hidden), as text anywhere
  Call-ID, tag, branch   of every message it sent or got
  o=, s=        user, session id and session name of the SDP it sent
  Warning, Reason        the text it sent
  inline:                SRTP keys it sent or got: each hop has keys of its own
SIPp peers say their host name in From, User-Agent, Server, Warning, Reason and SDP. RTCP's CNAME is looked for by rtp_peer itself (`named`).
Whatever of it stands in a message that a peer of another zone received, and was not said before by that zone, is a leak.

What passes by design is no secret: numbers, display names, Subject, User-to-User, the status phrase, a Reason's protocol and cause. A scenario that
means more to pass says so: t.passes = [regexps of such secrets], with the reason beside it."""
import re

LEAST = 7  # shorter secrets ("raw", "1") are looked for in their own place only, else they would be found everywhere
SAID = ("o= user", "o= id", "s=", "Warning", "Reason")  # of these what a zone heard is not its own
EVERYWHERE = "address or name"
WORD = re.compile(r"\w+")  # looked up before a text is searched: there are many secrets
QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')


def names(m):
    """{(kind, secret)} of one message."""
    found = {("Call-ID", v) for v in m.all("Call-ID") + m.all("i")}
    found |= {("tag", v) for n in ("From", "To", "f", "t") for h in m.all(n) for v in re.findall(r";\s*tag\s*=\s*([^;>\s,]+)", QUOTED.sub("", h))}
    found |= {("branch", v) for h in m.all("Via") + m.all("v") for v in re.findall(r";\s*branch\s*=\s*(?!z9hG4bK(?:[;\s,]|$))(?:z9hG4bK)?([^;\s,]+)", h)}
    found |= {("Warning", v) for h in m.all("Warning") for v in re.findall(r'"([^"]+)"', h)}
    found |= {("Reason", v) for h in m.all("Reason") for v in re.findall(r'text="([^"]+)"', h)}
    for user, ident in re.findall(r"^o=(\S+) (\S+) ", m.body, re.M):
        found |= {("o= user", user), ("o= id", ident)}
    found |= {("SRTP key", k) for k in keys([m])}
    found |= {("s=", v.strip()) for v in re.findall(r"^s=(.*)$", m.body, re.M)}
    return {(kind, v) for kind, v in found if v not in ("", "-") and not (kind == "o= id" and len(v) < 4)}


def keys(messages):
    """The SRTP keys in these messages, without their padding."""
    return {k for m in messages for k in re.findall(r"^a=crypto:.*?inline:([A-Za-z0-9+/]{16,})", m.body, re.M)}


def leaks(zones, passes=()):
    """zones: {name: (messages, [regexps of addresses and host names it must not see])}. The leaks, as text."""
    kept = {zone: {n for m in messages for n in names(m) if m.way == "out" or n[0] not in SAID} for zone, (messages, _) in zones.items()}
    found = []
    for zone, (messages, hidden) in zones.items():
        heard = [m for m in messages if m.way == "in"]
        blob, told = "\0".join(m.text for m in heard), {n for m in heard for n in names(m)}
        hits = {(EVERYWHERE, h.group(0)) for p in hidden for h in re.finditer(p, blob)}
        words = set(WORD.findall(blob))
        hits |= {n for other in kept if other != zone for n in kept[other] if n in told or (
            len(n[1]) >= LEAST and words.issuperset(WORD.findall(n[1])) and n[1] in blob)}
        for kind, secret in sorted(hits):
            m = first(messages, kind, secret)
            if m.way == "in" and not any(re.search(p, secret) for p in passes):
                found.append("%s learnt the %s %s of another:\n%s" % (zone, kind, secret, m.text))
    return found


def first(messages, kind, secret):
    """The first message that holds it."""
    plain = kind == EVERYWHERE or len(secret) >= LEAST
    return min((m for m in messages if (plain and secret in m.text) or (kind, secret) in names(m)), key=lambda m: (m.when, m.way == "in"))
