# SPDX-License-Identifier: MIT
"""recorded: two calls, one to a carrier with record = true and SRTP, one to another carrier. media.record_dir then holds one capture file, named with the call's number
as the CDR has it: all that PBX and carrier said, in clear, with the addresses the SDP bodies name. tshark reads it, every checksum right."""
import os
import shutil
import struct
import subprocess


def scenario(t):
    folder = os.path.join(t.folder, "recordings")
    os.mkdir(folder)
    t.top = {"media": {"record_dir": folder}}
    t.carrier("c1", answer(), secure=secure(), srtp="required", record=True)
    t.carrier("c2", answer())
    t.profiles = {"p1": {"targets": [{"trunk": "c1"}]}, "p2": {"targets": [{"trunk": "c2"}]}}
    t.routes = [{"name": "r%d" % i, "from": "pbx1", "prefix": "+44%d" % i, "profile": "p%d" % i} for i in (1, 2)]
    t.caller(call(talk=1.5), numbers=["+44155", "+44255"], rate=10)
    t.run()
    assert t.until(lambda: len(t.cdr()) == 2, 5)
    record = [r for r in t.cdr() if r["media"]["srtp_out"]][0]
    files = sorted(os.listdir(folder))
    assert len(files) == 1, files
    assert files[0] == record["call"] + ".pcap", (files, record)
    t.file = os.path.join(folder, files[0])


def read(path):
    """(seconds, from, to, RTP) of each packet."""
    with open(path, "rb") as f:
        data = f.read()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert (magic, link) == (0xa1b23c4d, 101)
    at, found = 24, []
    while at < len(data):
        s, ns, size, full = struct.unpack_from("<IIII", data, at)
        assert size == full and at + 16 + size <= len(data), "cut off"
        ip = data[at + 16:at + 16 + size]
        source, target = (".".join(map(str, ip[i:i + 4])) for i in (12, 16))
        ports = struct.unpack_from(">HH", ip, 20)
        found.append((s + ns / 1e9, (source, ports[0]), (target, ports[1]), ip[28:]))
        at += 16 + size
    return found


def after(t):
    t.heard("caller1", 40)
    packets = read(t.file)
    ways = {(p[1], p[2]) for p in packets}
    assert len(ways) == 2, ways
    for way in ways:
        mine = [p for p in packets if (p[1], p[2]) == way]
        numbers = [struct.unpack_from(">H", p[3], 2)[0] for p in mine]
        assert len(mine) >= 40 and all((b - a) % 65536 == 1 for a, b in zip(numbers, numbers[1:])), (way, numbers)
        assert all(a[0] <= b[0] for a, b in zip(mine, mine[1:])), "times go back"
        assert {(p[3][0], p[3][1] & 0x7f, len(p[3])) for p in mine} == {(0x80, 0, 172)}, "not plain PCMU of 20 ms"
    # What the carrier heard is what the PBX said, all of it; what the PBX heard on one of its calls is what the carrier said.
    counts = {len([p for p in packets if (p[1], p[2]) == way]) for way in ways}
    assert {e["heard"] for e in t.rtps["c1"].ends()} <= counts, (t.rtps["c1"].ends(), counts)
    assert {e["heard"] for e in t.rtps["caller1"].ends()} & counts, (t.rtps["caller1"].ends(), counts)
    if not shutil.which("tshark"):
        print("recorded: no tshark here")
        return
    out = subprocess.run(["tshark", "-n", "-r", t.file, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-d", "udp.port==1-65535,rtp", "-T", "fields",
                          "-e", "rtp.ssrc", "-e", "udp.checksum.status", "-e", "ip.checksum.status"], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    assert len(out) == len(packets), (len(out), len(packets))
    assert len({line.split("\t")[0] for line in out}) == 2 and all(line.split("\t")[1:] == ["1", "1"] for line in out), out[:3]
