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


def likeness(said, heard):
    """The best correlation of a second of what was heard with what was said."""
    size, best = RATE, 0.0
    start = next((i for i, v in enumerate(heard) if abs(v) > 1000), 0) + RATE // 2
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


def heard_alike(pairs, least=0.98):
    """Did each listener hear the whole of what its speaker said? pairs: (listener, speaker)."""
    for listener, speaker in pairs:
        files = listener.heard()
        assert files, os.listdir(listener.folder)
        like = likeness(samples(speaker.said), samples(files[0]))
        assert like > least, "%s: likeness %.3f" % (listener.folder, like)
