"""The boot test: python3 tests/boot RUN ROOT DISK FOLDER

RUN is board or update. ROOT is the folder of scripts/boot-root, DISK what
scripts/boot-image (board) or scripts/boot-slots (update) wrote, FOLDER takes consoles,
journals and a picture. Ends with 0 when all checks hold.
"""

import signal
import sys
import time
from pathlib import Path

from box import Box
from checks import BOARD
from machine import Failure, Machine
from updates import UPDATE

# Debian's u-boot-qemu.
LOADER = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"

# What is checked in each run, and what starts the board.
RUNS = {"board": (BOARD, None), "update": (UPDATE, LOADER)}


class Board:
    """The emulated board, and what the checks remember of it."""

    def __init__(self, root, disk, folder, loader):
        self.folder = folder
        self.machine = Machine(folder, root, disk, loader)
        self.box = Box(self.machine.port)
        self.pid = self.event = None


def tell(line):
    print(line, flush=True)


def go_through(board, checks):
    """A line for each check; whether all hold. What follows a failure is not tried."""
    began, table = time.monotonic(), []
    for number, (name, check) in enumerate(checks, 1):
        started = time.monotonic()
        try:
            seen, word = check(board), "ok"
        except (Failure, OSError, ValueError, LookupError, StopIteration) as error:
            seen, word = f"{type(error).__name__}: {error}", "FAILED"
        table.append((word, name, time.monotonic() - started, seen))
        tell(f"boot-test: {number}/{len(checks)} {word}: {name}: {seen}")
        if word == "FAILED":
            break
    tell(f"\n| | check | seconds | seen (emulated, {time.monotonic() - began:.0f} s in all) |")
    tell("| --- | --- | --- | --- |")
    for word, name, seconds, seen in table:
        tell(f"| {word} | {name} | {seconds:.0f} | {seen} |")
    return table[-1][0] == "ok"


def tell_why(board):
    """What helps to find out: the console's end, and the program's journal."""
    console = board.machine.console
    if console.exists():
        tell("\nThe console's last lines:")
        tell("\n".join(console.read_text(errors="replace").splitlines()[-30:]))
    if board.machine.hand is not None:
        try:
            board.machine.hand.settimeout(60)
            tell(board.machine.run("journalctl --no-pager -n 60 -u watchpost -u watchpost-confirm; "
                                   "systemctl --no-pager --failed")[1])
        except (OSError, ValueError, Failure) as error:
            tell(f"no journal: {error}")


def main(run, root, disk, folder):
    # The time limit ends us through the `finally` below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("boot-test: its time is over"))
    checks, loader = RUNS[run]
    board = Board(Path(root), Path(disk), Path(folder), loader)
    try:
        board.machine.switch_on()
        is_good = go_through(board, checks)
        if not is_good:
            tell_why(board)
    finally:
        board.machine.cut_power()
    return 0 if is_good else 1


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in RUNS:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
