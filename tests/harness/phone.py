# SPDX-License-Identifier: MIT
"""phone: baresip as a party, speech for a phone to speak, and how like it is what another one heard."""
import array
import json
import math
import os
import shutil
import socket
import subprocess
import wave

RATE, SECONDS = 8000, 5
CONFIG = """
module_path /usr/lib/baresip/modules
module alsa.so
module g711.so
module aufile.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
sip_listen {ip}:5060
net_interface {ip}
audio_source aufile,{source}
audio_player alsa,null
audio_alert none,none
audio_srate {rate}
audio_channels 1
auplay_srate {rate}
ausrc_srate {rate}
auplay_format s16
ausrc_format s16
snd_path {folder}
rtp_ports {ports}
call_local_timeout 30
"""


def speech(path, seed):
    """Chirps that no delay makes look like others."""
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(array.array("h", [int(8000 * math.sin(seed * i / RATE * (200 + 40 * i / RATE)) * (0.6 + 0.4 * math.sin(i / 900))) for i in range(RATE * SECONDS)]).tobytes())


def samples(path):
    with wave.open(path) as w:
        return array.array("h", w.readframes(w.getnframes()))


def likeness(said, heard, settled=0.5):
    """The best correlation of a second of what was heard, so long after its first sound, with what was said."""
    size, best = RATE, 0.0
    start = next((i for i, v in enumerate(heard) if abs(v) > 1000), 0) + int(settled * RATE)
    part = heard[start:start + size]
    if len(part) < size:
        return 0.0
    energy = math.sqrt(sum(v * v for v in part)) or 1
    for at in range(0, len(said) - size):
        if abs(said[at] - part[0]) > 600 or abs(said[at + 1] - part[1]) > 600 or abs(said[at + 40] - part[40]) > 900:
            continue
        other = said[at:at + size]
        best = max(best, sum(a * b for a, b in zip(part, other)) / (energy * math.sqrt(sum(v * v for v in other)) or 1))
    return best


class Phone:
    """baresip. secure: its mediaenc, for SRTP by SDES."""

    def __init__(self, t, name, number, ip, control, seed, secure=None):
        self.folder = os.path.join(t.folder, name)
        os.makedirs(self.folder)
        self.said = self.folder + "/said.wav"
        speech(self.said, seed)
        with open(self.folder + "/config", "w") as f:
            f.write(CONFIG.format(control=control, ip=ip, source=self.said, folder=self.folder, rate=RATE, ports="40000-50000"))
        for file, text in (("accounts", "<sip:%s@%s>;regint=0;answermode=auto;audio_codecs=pcmu%s\n" % (number, ip, ";mediaenc=" + secure if secure else "")), ("contacts", "")):
            with open(self.folder + "/" + file, "w") as f:
                f.write(text)
        self.log = open(self.folder + "/log", "w")
        self.process = subprocess.Popen(["baresip", "-4", "-f", self.folder], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.control = None
        assert t.until(lambda: self.connect(control), 10), "baresip did not start: " + open(self.folder + "/log").read()[-1500:]

    def connect(self, port):
        try:
            self.control = socket.create_connection(("127.0.0.1", port), 1)
        except OSError:
            return False
        return True

    def do(self, command, params=""):
        text = json.dumps({"command": command, "params": params})
        self.control.sendall(("%d:%s," % (len(text), text)).encode())

    def text(self):
        return open(self.folder + "/log", errors="replace").read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def heard(self):
        return [os.path.join(self.folder, n) for n in os.listdir(self.folder) if n.endswith("-dec.wav")]


def heard_alike(pairs, least=0.98, settled=0.5):
    """Did each listener hear what its speaker said? pairs: (listener, speaker); settled: seconds a listener's jitter buffer takes to find its depth."""
    for listener, speaker in pairs:
        files = listener.heard()
        assert files, os.listdir(listener.folder)
        like = likeness(samples(speaker.said), samples(files[0]), settled)
        assert like > least, "%s: likeness %.3f" % (listener.folder, like)


LINPHONE = """
[sip]
bind_address={ip}
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
contact=sip:{number}@{ip}
media_encryption={encryption}
media_encryption_mandatory={must}
[rtp]
bind_address={ip}
audio_rtp_port=7078
[sound]
use_files=1
echocancellation=0
[video]
enabled=0
display=0
capture=0
"""


class Linphone:
    """linphonec, steered by its standard input. secure: SRTP by SDES, which it then insists on."""

    def __init__(self, t, name, number, ip, seed, secure):
        self.folder = os.path.join(t.folder, name)
        os.makedirs(self.folder + "/.local/share/linphone")
        self.said, self.kept = self.folder + "/said.wav", self.folder + "/heard-dec.wav"
        speech(self.said, seed)
        with open(self.folder + "/rc", "w") as f:
            f.write(LINPHONE.format(ip=ip, number=number, encryption="srtp" if secure else "none", must=1 if secure else 0))
        self.log = open(self.folder + "/log", "w")
        self.process = subprocess.Popen(["linphonec", "-c", self.folder + "/rc", "-d", "6", "-l", self.folder + "/library"], stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=self.log, start_new_session=True, env=dict(os.environ, HOME=self.folder), text=True)
        assert t.until(lambda: "Creating listening point" in self.text("library"), 10), "linphonec did not start: " + self.text()[-1500:]
        for line in ("soundcard use files", "play " + self.said, "record " + self.kept, "autoanswer enable"):
            self.do(line)

    def do(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def text(self, name="log"):
        try:
            return open(os.path.join(self.folder, name), errors="replace").read()
        except OSError:
            return ""

    def stop(self):
        try:
            self.do("quit")
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()

    def heard(self):
        """What it recorded, as a file of our own rate."""
        if not os.path.exists(self.kept):
            return []
        with wave.open(self.kept) as w:
            every, data = w.getframerate() // RATE, array.array("h", w.readframes(w.getnframes()))
            part = data[::every * w.getnchannels()]
        with wave.open(self.folder + "/heard.wav", "wb") as w:
            w.setnchannels(1)
            w.setsampwidth(2)
            w.setframerate(RATE)
            w.writeframes(part.tobytes())
        return [self.folder + "/heard.wav"]
