"""What must be true of a box that is updated: slots of RAUC, started by U-Boot with the
boot script of the Yocto layer. scripts/boot-slots says what is in each bundle.

The box begins in slot A. Every check says in which slot it ends.
"""

import json
import time

from checks import expect, serves
from machine import eventually

BUNDLES = "/data/bundles"
SLOTS = "/dev/disk/by-partlabel/root-"

# As the user of the service.
AS_ITSELF = "setpriv --reuid watchpost --regid watchpost --clear-groups"

# The power is cut when so much of the new slot has been written.
CUT_AT_BYTES = 64 << 20


def slot(board):
    """The slot that runs, and its release."""
    line = board.machine.ask("cat /proc/cmdline")
    words = dict(word.partition("=")[::2] for word in line.split())
    return words["rauc.slot"], board.machine.ask("cat /etc/watchpost-release")


def told(board):
    """What the boot loader and Linux tell each other."""
    return dict(line.split("=", 1) for line in board.machine.ask("fw_printenv").splitlines())


def status(board):
    """The first line of `watchpost update status`."""
    said = board.machine.ask("watchpost update status")
    return said.splitlines()[0]


def comes_up(board, name, release):
    """The next start is that of this slot."""
    board.machine.await_hand()
    seen = slot(board)
    expect(seen == (name, release), f"slot and release are {seen}, not {(name, release)}")


def is_good(board, name):
    """Slot `name` is marked good: the boot loader has all its tries again."""
    eventually(f"slot {name} is marked good", lambda:
               show_confirm(board) == "success" and told(board)[f"BOOT_{name}_LEFT"] == "3")


def show_confirm(board):
    said = board.machine.ask("systemctl show watchpost-confirm -p Result,ActiveState")
    seen = dict(line.split("=", 1) for line in said.splitlines())
    return seen["Result"] if seen["ActiveState"] == "active" else None


def has_kept(board):
    """The event of the beginning is there."""
    kept = eventually("the event", lambda: board.box.get(f"/api/events/{board.event['id']}"))
    expect(kept["summary"] == board.event["summary"], f"{kept}")


def install(board, bundle):
    said = board.machine.ask(f"watchpost update install {BUNDLES}/{bundle}.raucb")
    expect(status(board).startswith("An update waits"), status(board))
    return said


def restart(board):
    board.machine.run("systemctl --no-block reboot")


def starts_in_a(board):
    comes_up(board, "A", "old")
    serves(board)
    is_good(board, "A")
    story = status(board)
    expect("Slot A has proved itself" in story, story)
    expect(told(board)["BOOT_ORDER"] == "A B", f"{told(board)}")
    return f"U-Boot started slot A; {story}"


def keeps_an_event(board):
    """What the kernel's camera shows is no event: one that another box has exported."""
    at = int(time.time() * 1000)
    line = {"record": "event.v1", "id": 1, "revision": 0, "camera": "street", "track": 1,
            "batch": "0198c5a0-0000-7000-8000-000000000001", "label": "person",
            "confidence": 0.9, "bbox": [0.1, 0.2, 0.3, 0.6], "zones": [], "risk": 60,
            "summary": "A person on the street", "reasoning": "", "detection_count": 3,
            "started_at_ms": at, "updated_at_ms": at, "ended_at_ms": at,
            "has_snapshot": False, "clock_trusted": True, "reviewed": False}
    said = board.machine.ask("systemctl stop watchpost && "
        f"echo '{json.dumps(line)}' | {AS_ITSELF} watchpost store import && "
        "systemctl start --no-block watchpost")
    expect("new records: 1" in said, said)
    serves(board)
    board.event = eventually("the event", lambda: board.box.events()[0])
    return f"{board.event['summary']}, event {board.event['id']}"


def refuses_a_stranger(board):
    ended, said = board.machine.run(f"watchpost update install {BUNDLES}/stranger.raucb")
    expect(ended == 1 and "LastError: signature" in said, f"{ended}: {said}")
    expect(status(board).startswith("No update waits"), status(board))
    expect(told(board)["BOOT_ORDER"] == "A B", f"{told(board)}")
    return next(line for line in said.splitlines() if line.startswith("LastError"))


def written(board, name):
    """How many bytes have been written to a slot since the start."""
    number = f"basename $(readlink -f {SLOTS}{name})"
    return int(board.machine.ask(f"cat /sys/class/block/$({number})/stat").split()[6]) * 512


def survives_a_power_cut_meanwhile(board):
    board.machine.ask(f"systemd-run --quiet watchpost update install {BUNDLES}/good.raucb")
    at = eventually("the new slot is being written", lambda:
                    (seen := written(board, "b")) >= CUT_AT_BYTES and seen, every=0.2)
    board.machine.cut_power()
    board.machine.switch_on()
    comes_up(board, "A", "old")
    serves(board)
    has_kept(board)
    is_good(board, "A")
    story = status(board)
    expect("was not finished" in story, story)
    return f"cut after {at >> 20} MiB; {story}"


def takes_a_good_one(board):
    install(board, "good")
    restart(board)
    comes_up(board, "B", "good")
    serves(board)
    is_good(board, "B")
    has_kept(board)
    expect("Slot B has proved itself" in status(board), status(board))
    return f"{status(board)} Order {told(board)['BOOT_ORDER']}"


def stays_there(board):
    restart(board)
    comes_up(board, "B", "good")
    serves(board)
    is_good(board, "B")
    has_kept(board)
    said = board.machine.ask("journalctl --no-pager --quiet --output cat -u watchpost-confirm")
    expect("has proved itself before" in said, said)
    return "slot B again, without a new proof"


def leaves_a_blind_one(board):
    """The program runs and keeps, and no picture comes: what it has written meanwhile is
    there after falling back."""
    install(board, "blind")
    restart(board)
    comes_up(board, "A", "blind")
    rule = {"name": "on trial", "severity": "low", "object_types": ["person"],
            "risk_threshold": 0, "channels": ["siren"], "cooldown_seconds": 0,
            "dedup_key_template": "{camera_id}:{rule_id}"}
    eventually("the other release takes a rule", lambda: board.box.post("/api/alerts/rules", rule))
    comes_up(board, "B", "good")
    serves(board)
    has_kept(board)
    is_good(board, "B")
    rules = board.box.get("/api/alerts/rules")
    expect("on trial" in str(rules), f"what the other release wrote is lost: {rules}")
    story = status(board)
    expect("no camera has delivered a picture" in story and "slot B runs again" in story, story)
    said = told(board)
    expect(said["BOOT_A_LEFT"] == "0" and said["BOOT_ORDER"] == "B", f"{said}")
    return story


def leaves_a_dead_one(board):
    install(board, "dead")
    restart(board)
    comes_up(board, "A", "dead")
    comes_up(board, "B", "good")
    serves(board)
    has_kept(board)
    is_good(board, "B")
    expect("slot B runs again" in status(board), status(board))
    return status(board)


def gives_up_after_three_tries(board):
    """A slot whose system does not start: the kernel panics and restarts."""
    board.machine.ask("mkdir /tmp/a && mount " + SLOTS + "a /tmp/a && "
                      "rm /tmp/a/usr/sbin/init && umount /tmp/a && "
                      "fw_setenv BOOT_ORDER 'A B' && fw_setenv BOOT_A_LEFT 3")
    restart(board)
    comes_up(board, "B", "good")
    serves(board)
    console = board.machine.console.read_text(errors="replace")
    panics = console.count("] Kernel panic")
    expect(panics == 3, f"the kernel of slot A ended {panics} times")
    expect(told(board)["BOOT_A_LEFT"] == "0", f"{told(board)}")
    has_kept(board)
    is_good(board, "B")
    return "three panics in slot A, then slot B"


def passes_over_an_empty_one(board):
    board.machine.ask(f"dd if=/dev/zero of={SLOTS}a bs=1M count=4 conv=fsync 2>&1 && "
                      "fw_setenv BOOT_ORDER 'A B' && fw_setenv BOOT_A_LEFT 3")
    restart(board)
    comes_up(board, "B", "good")
    serves(board)
    left = told(board)["BOOT_A_LEFT"]
    expect(left == "2", f"slot A has {left} tries left")
    has_kept(board)
    check = board.machine.ask(f"systemctl stop watchpost && {AS_ITSELF} watchpost store check")
    return f"one look at slot A, then slot B; store check: {check.splitlines()[-1]}"


UPDATE = [
    ("the first slot starts and proves itself", starts_in_a),
    ("an event is stored", keeps_an_event),
    ("a bundle that a stranger signed", refuses_a_stranger),
    ("a power cut while the other slot is written", survives_a_power_cut_meanwhile),
    ("a good update", takes_a_good_one),
    ("a restart after it", stays_there),
    ("an update that gets no picture", leaves_a_blind_one),
    ("an update whose program ends at once", leaves_a_dead_one),
    ("a slot whose system does not start", gives_up_after_three_tries),
    ("a slot that cannot be read", passes_over_an_empty_one),
]
