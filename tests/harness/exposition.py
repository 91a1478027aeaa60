# SPDX-License-Identifier: MIT
"""exposition: reads Prometheus' text format 0.0.4 and says what is wrong with it: the grammar, and what `promtool check metrics` would complain of."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(r'(%s)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? ([^ ]+)( -?\d+)?$' % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$|[+-]?Inf$|NaN$")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
UNITS = re.compile(r"_(ms|milliseconds|us|microseconds|minutes|hours|percent|kb|mb|kilobytes|megabytes)(_|$)")


class Text:
    """samples: {(name, frozenset of labels): value}; faults: what is wrong, a line each."""

    def __init__(self, text):
        self.samples, self.help, self.types, self.faults = {}, {}, {}, []
        self.family, self.done = None, set()
        if text and not text.endswith("\n"):
            self.faults.append("no newline at the end")
        for i, line in enumerate(text.split("\n")[:-1], 1):
            try:
                self.take(line)
            except ValueError as e:
                self.faults.append("line %d: %s: %s" % (i, e, line))
        self.check_whole()

    def take(self, line):
        if not line:
            return
        m = re.match(r"# (HELP|TYPE) (%s) (.*)$" % NAME, line)
        if m:
            return self.head(*m.groups())
        if line.startswith("#"):
            raise ValueError("a comment that is neither HELP nor TYPE")
        m = SAMPLE.match(line)
        if not m or not NUMBER.match(m.group(3)):
            raise ValueError("no sample")
        labels = self.labels(m.group(2) or "")
        self.sample(m.group(1), labels, float(m.group(3).replace("Inf", "inf")))

    def head(self, kind, name, text):
        known = self.help if kind == "HELP" else self.types
        if name in known:
            raise ValueError("a second %s of %s" % (kind, name))
        if kind == "TYPE" and text not in TYPES:
            raise ValueError("no type")
        if not text.strip():
            raise ValueError("no text")
        known[name] = text
        if name != self.family:
            self.open(name)

    def open(self, family):
        if family in self.done:
            raise ValueError("%s in two places" % family)
        self.done.add(self.family)
        self.family = family

    def labels(self, text):
        found = {}
        while text:
            m = LABEL.match(text)
            if not m or m.group(1) in found:
                raise ValueError("labels")
            found[m.group(1)] = m.group(2)
            text = text[m.end():]
        return found

    def family_of(self, name):
        for suffix in ("_bucket", "_sum", "_count"):
            base = name[:-len(suffix)] if name.endswith(suffix) else None
            if base and self.types.get(base) in ("histogram", "summary"):
                return base
        return name

    def sample(self, name, labels, value):
        family = self.family_of(name)
        if family != self.family:
            raise ValueError("outside its family")
        key = (name, frozenset(labels.items()))
        if key in self.samples:
            raise ValueError("twice")
        if self.types.get(family) == "counter" and not value >= 0:
            raise ValueError("a counter below 0")
        self.samples[key] = value

    def check_whole(self):
        for name in sorted({self.family_of(n) for n, _ in self.samples} | set(self.types)):
            kind = self.types.get(name)
            if name not in self.help or not kind:
                self.faults.append("%s: no HELP or TYPE" % name)
            if kind == "counter" and not name.endswith("_total"):
                self.faults.append("%s: a counter without _total" % name)
            if kind != "counter" and name.endswith("_total"):
                self.faults.append("%s: _total, but no counter" % name)
            if kind in ("gauge", "counter") and name.endswith(("_sum", "_count", "_bucket")):
                self.faults.append("%s: a name of a histogram's part" % name)
            if UNITS.search(name):
                self.faults.append("%s: no base unit" % name)
            if kind == "histogram":
                self.check_histogram(name)

    def check_histogram(self, name):
        series = {}
        for (n, labels), value in self.samples.items():
            if n.startswith(name + "_"):
                rest = frozenset(x for x in labels if x[0] != "le")
                series.setdefault(rest, {})[(n[len(name) + 1:], dict(labels).get("le"))] = value
        for rest, parts in series.items():
            buckets = sorted((float(le.replace("Inf", "inf")), v) for (part, le), v in parts.items() if part == "bucket")
            counts = [v for _, v in buckets]
            if not buckets or buckets[-1][0] != float("inf") or counts != sorted(counts) or parts.get(("count", None)) != counts[-1] or ("sum", None) not in parts:
                self.faults.append("%s: buckets of %s do not add up" % (name, dict(rest)))

    def value(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())))

    def named(self, name, **labels):
        """{labels: value} of the samples of that name which have these labels among theirs."""
        return {key[1]: v for key, v in self.samples.items() if key[0] == name and set(labels.items()) <= key[1]}


def selftest():
    """The reader itself: each of these texts has the fault named."""
    head = "# HELP a_total x\n# TYPE a_total counter\n"
    bad = {"no newline": head + "a_total 1", "twice": head + 'a_total{b="c"} 1\na_total{b="c"} 2\n', "no sample": head + "a_total one\n",
           "labels": head + 'a_total{b="c",b="d"} 1\n', "outside": head + "# HELP b x\n# TYPE b gauge\na_total 1\n", "no HELP": "# TYPE b gauge\nb 1\n",
           "without _total": "# HELP b x\n# TYPE b counter\nb 1\n", "two places": "# HELP a_total x\n# HELP b x\n# TYPE b gauge\nb 1\n# TYPE a_total counter\n",
           "base unit": "# HELP b_ms x\n# TYPE b_ms gauge\nb_ms 1\n", "below 0": head + "a_total -1\n",
           "add up": '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'}
    for fault, text in bad.items():
        found = Text(text).faults
        assert any(fault in f for f in found), (fault, found)
    good = head + 'a_total{b="c\\"\\\\\\n",d=""} 1\na_total 2\n# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 0.5\nh_count 1\n'
    assert not Text(good).faults, Text(good).faults
