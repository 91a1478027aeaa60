#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run: plays one scenario. Exit 0: it held; 1: it did not (artefacts are kept, the path is printed); 77: skipped.
  tests/scenario/run.py BUILD NAME[@WIRE] [--keep DIR]
WIRE: udp4, udp6, tcp4 or tcp6, what the parties speak. NAME.py defines scenario(t); t is the Rig of tests/harness/rig.py, the words of tests/harness/sipp.py are there by name."""
import sys

del sys.path[0]  # first of all: a scenario may be called as a module of Python's is (operator, numbers, trace)
import importlib.util  # noqa: E402
import os  # noqa: E402
import traceback  # noqa: E402

here = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(here, "..", "harness"))

import rig  # noqa: E402
import sipp  # noqa: E402


class Skip(Exception):
    pass


def load(name):
    spec = importlib.util.spec_from_file_location("scenario", os.path.join(here, ".." if "/" in name else "", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    for word in ("recv", "send", "pause", "invite", "ack", "cancel", "bye", "request", "raw", "quiet", "hangup", "answer", "refuse", "call", "fails", "secure"):
        setattr(module, word, getattr(sipp, word))
    module.Skip = Skip
    spec.loader.exec_module(module)
    return module


def main():
    build, name = os.path.abspath(sys.argv[1]), sys.argv[2]
    keep = sys.argv[4] if len(sys.argv) > 4 and sys.argv[3] == "--keep" else None
    page, _, wire = name.partition("@")
    module = load(page)
    t = rig.Rig(build, name, keep)
    if wire:
        t.v6, t.transport = rig.WIRES[wire]
    good = False
    try:
        module.scenario(t)
        t.finish()
        if hasattr(module, "after"):
            module.after(t)
        good = True
    except Skip as why:
        print("skipped: %s" % why)
        sys.exit(77)
    except AssertionError:
        traceback.print_exc(limit=-3)
    finally:
        t.close(good and not keep)
        if not good:
            print("kept: %s" % t.folder, file=sys.stderr)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
