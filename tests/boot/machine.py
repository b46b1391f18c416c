"""The emulated board: QEMU's `virt` machine with the processor of a Raspberry Pi 4.

It reaches nothing outside; one port of this machine's loopback leads to the port of
the box inside. Commands are run inside through a line of its own, whatever the state
of the network there. Everything that is waited for has a deadline in `PATIENCE`.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

# An emulated board on a busy machine needs minutes for what takes seconds.
PATIENCE = float(os.environ.get("BOOT_TEST_PATIENCE", "600"))

# Longest answer of a command inside.
ANSWER_MAX = 8 << 20


class Failure(Exception):
    """The box is not as it should be."""


def eventually(what, look, within=PATIENCE, every=1.0):
    """The first true answer of `look`; what it raises counts as "not yet"."""
    deadline, last = time.monotonic() + within, None
    while time.monotonic() < deadline:
        try:
            seen = look()
            if seen:
                return seen
            last = seen
        except (OSError, ValueError, LookupError, StopIteration, Failure) as error:
            last = error
        time.sleep(every)
    raise Failure(f"not within {within:.0f} s: {what} (last: {last!r})")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Machine:
    """One board; it may be switched on and off several times, the disk stays.

    It is started with the kernel of `root`, and ends when it would restart; or by
    `loader`, which finds its kernel on the disk, and restarts when it wants to.
    """

    def __init__(self, folder, root, disk, loader=None):
        self.folder, self.root, self.disk = Path(folder), Path(root), Path(disk)
        self.loader = loader
        self.starts = 0
        self.process = self.hand = self.lines = None
        self.port = free_port()

    @property
    def console(self):
        return self.folder / f"console-{self.starts}.log"

    def switch_on(self):
        self.starts += 1
        hand, monitor = self.folder / "hand", self.folder / "monitor"
        for path in (hand, monitor):
            path.unlink(missing_ok=True)
        forward = f"hostfwd=tcp:127.0.0.1:{self.port}-10.0.2.15:8080"
        command = ["qemu-system-aarch64", "-nodefaults", "-nographic", *self._start(),
            "-machine", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "1024",
            "-accel", "tcg,thread=multi",
            "-serial", f"file:{self.console}",
            "-qmp", f"unix:{monitor},server=on,wait=off",
            "-drive", f"file={self.disk},format=raw,if=none,id=disk,cache=unsafe",
            "-device", "virtio-blk-device,drive=disk",
            "-netdev", f"user,id=net,restrict=on,{forward}",
            "-device", "virtio-net-device,netdev=net",
            "-object", "rng-random,id=chance,filename=/dev/urandom",
            "-device", "virtio-rng-device,rng=chance",
            "-device", "virtio-serial-device",
            "-chardev", f"socket,id=hand,path={hand},server=on,wait=off",
            "-device", "virtserialport,chardev=hand,name=boot-test"]
        self.process = subprocess.Popen([str(word) for word in command],
            stdin=subprocess.DEVNULL, start_new_session=True)
        self.hand = self._connect(hand)
        self.lines = self.hand.makefile("rb")
        self.monitor = self._connect(monitor)
        self.answers = self.monitor.makefile("rb")
        self.answers.readline()
        self.order("qmp_capabilities")

    def _start(self):
        if self.loader is not None:
            return ["-bios", self.loader]
        return ["-no-reboot", "-kernel", self.root / "kernel", "-initrd", self.root / "initramfs",
                "-append", "console=ttyAMA0 panic=-1 systemd.show_status=1"]

    def _connect(self, path):
        def connect():
            if self.process.poll() is not None:
                raise SystemExit("boot-test: the emulator does not start")
            stream = socket.socket(socket.AF_UNIX)
            stream.connect(str(path))
            return stream
        stream = eventually(f"the emulator opens {path.name}", connect, 60, 0.1)
        stream.settimeout(PATIENCE)
        return stream

    def order(self, command):
        """Tells the emulator something."""
        self.monitor.sendall(json.dumps({"execute": command}).encode() + b"\n")
        while True:
            answer = json.loads(self.answers.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure(f"{command}: {answer['error']}")

    def await_hand(self):
        """Until systemd inside has started its first units."""
        try:
            if self.lines.readline() != b"hello\n":
                raise Failure("the board has ended while it started")
        except TimeoutError:
            raise Failure(f"the board did not start within {PATIENCE:.0f} s") from None

    def run(self, script):
        """Runs a shell script inside: its exit status, and all that it said."""
        self.hand.sendall(base64.b64encode(script.encode()) + b"\n")
        try:
            line = self.lines.readline(ANSWER_MAX).decode().rstrip("\n")
        except TimeoutError:
            raise Failure(f"no end within {PATIENCE:.0f} s: {script}") from None
        said, _, status = line.rpartition(" ")
        return int(status), base64.b64decode(said).decode(errors="replace").strip()

    def ask(self, script):
        """What a script inside says; it must succeed."""
        status, said = self.run(script)
        if status != 0:
            raise Failure(f"{script!r} ended with {status}: {said}")
        return said

    def hold_power_key(self, seconds):
        """Line 3 of the board's chip is high meanwhile: each order makes it so for 10 ms."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.order("system_powerdown")

    def await_end(self):
        """Until the board has switched itself off."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"the board is still on after {PATIENCE:.0f} s") from None
        self._close()
        if status != 0:
            raise Failure(f"the emulator ended with {status}")

    def cut_power(self):
        """Takes the plug out: nothing inside is told."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._close()

    def _close(self):
        for stream in (self.hand, self.monitor):
            if stream is not None:
                stream.close()
        self.hand = self.monitor = None
