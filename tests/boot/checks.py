"""What must be true of the box on an emulated board, in the order of a box's life.

Each check is a function of the board: it returns what it saw, for the table, or
raises `Failure`. Later ones build on what earlier ones have brought about.
"""

import json
import re
import threading
import time

from machine import Failure, eventually

UNIT = "watchpost.service"
GROUP = f"/sys/fs/cgroup/system.slice/{UNIT}"
CONTRACT = {"memory.max": "536870912", "memory.high": "469762048", "memory.swap.max": "0",
            "cpu.max": "180000 100000", "pids.max": "256"}


def expect(is_true, otherwise):
    if not is_true:
        raise Failure(otherwise)


def expect_same(seen, wanted):
    expect(seen == wanted, f"it is {seen}, not {wanted}")
    return True


def show(board, *properties):
    """Properties of the unit, by name."""
    said = board.machine.ask(f"systemctl show {UNIT} -p {','.join(properties)}")
    return dict(line.split("=", 1) for line in said.splitlines())


def entries(board, *matches):
    """Entries of the journal inside."""
    words = " ".join(f"'{match}'" for match in matches)
    said = board.machine.ask(f"journalctl --no-pager --quiet --output json {words}")
    return [json.loads(line) for line in said.splitlines()]


def level(board, line):
    """Whether a line of the board's chip is high, and who holds it."""
    said = board.machine.ask("cat /sys/kernel/debug/gpio")
    # " gpio-509 (                    |watchpost           ) out hi"
    base = int(re.search(r"GPIOs (\d+)-\d+.*pl061", said).group(1))
    found = re.search(rf"gpio-{base + line} +\((.*?)\|(.*?)\) *(in|out) +(hi|lo)", said)
    if found is None:
        return None, None
    return found.group(4) == "hi", found.group(2).strip()


def starts(board):
    board.machine.await_hand()
    up = float(board.machine.ask("cat /proc/uptime").split()[0])
    kernel = board.machine.ask("uname -mr")
    expect(kernel.endswith("aarch64"), f"the kernel is {kernel}")
    return f"Linux {kernel}; systemd runs scripts {up:.0f} s after the kernel's start"


def serves(board):
    eventually("the unit is active", lambda:
               show(board, "ActiveState")["ActiveState"] == "active")
    eventually("the port answers", lambda: board.box.bytes("/ready"))
    # The first status comes some seconds after READY.
    eventually("the unit says how it is", lambda: show(board, "StatusText")["StatusText"])
    seen = show(board, "Type", "StatusText", "MainPID", "WatchdogUSec",
                "ActiveEnterTimestampMonotonic")
    board.pid = seen["MainPID"]
    expect(seen["Type"] == "notify" and seen["WatchdogUSec"] == "30s", f"{seen}")
    ready_s = int(seen["ActiveEnterTimestampMonotonic"]) / 1e6
    return f"READY {ready_s:.0f} s after the kernel's start; status: {seen['StatusText']}"


def has_its_user(board):
    wanted = {"/var/lib/watchpost": "watchpost:watchpost 700",
              "/etc/watchpost": "root:watchpost 750",
              "/etc/watchpost/watchpost.toml": "root:watchpost 640",
              "/dev/gpiochip0": "root:watchpost 660", "/dev/video0": "root:video 660"}
    rights = f"stat -c '%U:%G %a' {' '.join(wanted)}"
    # udev may still be at work.
    eventually("the rights are right", lambda: expect_same(
        board.machine.ask(rights).splitlines(), list(wanted.values())))
    groups = board.machine.ask("id -Gn watchpost").split()
    expect(set(groups) == {"watchpost", "video", "render"}, f"its groups are {groups}")
    return "sysusers, tmpfiles and udev rules made user, folders and rights"


def is_caged(board):
    status = board.machine.ask(f"cat /proc/{board.pid}/status")
    status = dict(line.split(":", 1) for line in status.splitlines())
    fields = {name: status[name].strip() for name in ("NoNewPrivs", "Seccomp", "CapEff", "CapBnd")}
    none = "0" * 16
    expect(fields == {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": none, "CapBnd": none}, f"{fields}")
    user = board.machine.ask("id -u watchpost")
    expect(status["Uid"].split() == [user] * 4, f"it runs as {status['Uid']}")
    # Its own view: the disk is read-only, others' processes are hidden.
    mounts = board.machine.ask(f"cat /proc/{board.pid}/mountinfo").splitlines()
    points = {line.split()[4]: line.split()[5].split(",") for line in mounts}
    expect("ro" in points["/"] and "rw" in points["/var/lib/watchpost"], "its disk is writable")
    hidden = [line for line in mounts if line.split()[4] == "/proc"]
    expect("hidepid=invisible" in hidden[-1] or "hidepid=2" in hidden[-1], f"{hidden}")
    score = board.machine.ask(f"systemd-analyze security --no-pager {UNIT} | tail -1")
    return f"no capability, system calls filtered, disk read-only; {score.split(': ')[-1]}"


def is_capped(board):
    seen = {name: board.machine.ask(f"cat {GROUP}/{name}") for name in CONTRACT}
    expect(seen == CONTRACT, f"{seen}")
    group = board.machine.ask(f"cat /proc/{board.pid}/cgroup")
    expect(group == f"0::/system.slice/{UNIT}", f"it is in {group}")
    return "512 MiB, 448 MiB high, no swap, 1.8 cores, 256 tasks"


def sees(board):
    camera = eventually("the kernel's camera is online", lambda: next(
        camera for camera in board.box.get("/api/cameras")["cameras"]
        if camera["id"] == "yard" and camera["status"] == "online"))
    expect((camera["width"], camera["height"]) == (640, 360), f"{camera}")
    pictures = eventually("live pictures", lambda: board.box.live("yard", 3))
    expect(len(set(pictures)) == 3, "the live picture does not move")
    (board.folder / "yard.jpg").write_bytes(pictures[-1])
    bus = board.machine.ask("v4l2-ctl -d /dev/video0 --info | "
                            "sed -n '/Driver name/{s/.*: //p;q}'")
    expect(bus == "vivid", f"the camera is {bus}")
    return f"three different pictures of vivid, {camera['fps']} fps, {len(pictures[-1])} bytes each"


def is_moved(board):
    before = board.box.figures()["watchpost_motion_sensor_total"]
    board.machine.hold_power_key(2)
    eventually("the motion sensor has seen something", lambda:
               board.box.figures()["watchpost_motion_sensor_total"] > before)
    return "a high line (PL061) is motion"


def keeps(board):
    rule = {"name": "people", "severity": "high", "object_types": ["person"],
            "risk_threshold": 0, "channels": ["siren"], "cooldown_seconds": 0,
            "dedup_key_template": "{camera_id}:{rule_id}"}
    board.box.post("/api/alerts/rules", rule)
    board.event = eventually("an event with its picture", lambda: next(
        event for event in board.box.events()
        if event["camera_id"] == "street" and event["has_snapshot"]))
    picture = board.box.bytes(f"/api/events/{board.event['id']}/snapshot")
    expect(picture[:2] == b"\xff\xd8", "the snapshot is no JPEG")
    detect = board.box.get("/api/system/pipeline")["latencies"]["detect"]
    return (f"{board.event['summary']}, event {board.event['id']}, snapshot {len(picture)} bytes; "
            f"a look takes {detect['p50_ms']:.0f} ms")


def sounds(board):
    eventually("an alert sounds the siren", lambda: level(board, 5) == (True, "watchpost"))
    eventually("the lamp is held", lambda: level(board, 6)[1] == "watchpost")
    return "an alert makes the line of the siren high"


def finds_night(board):
    board.machine.ask("v4l2-ctl -d /dev/video0 --set-ctrl brightness=0,contrast=0")
    eventually("the infrared lamp is on", lambda: level(board, 4)[0] is True)
    # The box takes what it sees five seconds later for what the lamp lights.
    board.machine.ask("sleep 8")
    board.machine.ask("v4l2-ctl -d /dev/video0 --set-ctrl brightness=128,contrast=128")
    eventually("the infrared lamp is off", lambda: level(board, 4)[0] is False)
    return "a dark picture switches the infrared lamp on, a bright one off"


def writes_the_journal(board):
    found = eventually("the camera's line", lambda: entries(
        board, "CAMERA=yard", "MESSAGE=The camera delivers pictures."))
    entry = found[0]
    expect(entry["_SYSTEMD_UNIT"] == UNIT and entry["SYSLOG_IDENTIFIER"] == "watchpost", f"{entry}")
    expect(entry["_TRANSPORT"] == "journal", "its lines come as text")
    expect(entry["ATTEMPTS"].isdigit(), f"{entry}")
    trouble = [e["MESSAGE"] for e in entries(board, f"_SYSTEMD_UNIT={UNIT}", "--priority=err")]
    expect(not trouble, f"it complains: {trouble}")
    return f"journalctl CAMERA=yard finds {len(found)}; no errors"


def bears_a_crowd(board):
    """Four cameras and fifty clients within the caps of control groups 2."""
    figures = board.box.figures
    looked = "watchpost_pipeline_frames_inferred_total"
    total = lambda seen: sum(v for name, v in seen.items() if name.startswith(looked))
    before, stop = figures(), threading.Event()
    got, threads = board.box.listen(50, stop)
    try:
        eventually("every client gets something", lambda: expect_same(
            sum(1 for count in got if count == 0), 0), every=2)
        eventually("the pipeline goes on", lambda: total(figures()) >= total(before) + 10, every=5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    after = figures()
    expect(after["watchpost_store_records_total"] > before["watchpost_store_records_total"],
           "nothing was recorded")
    killed = board.machine.ask(f"sed -n 's/^oom_kill //p' {GROUP}/memory.events")
    expect(killed == "0", f"the kernel ended something {killed} times for memory")
    expect(show(board, "MainPID")["MainPID"] == board.pid, "it was started again")
    peak = int(board.machine.ask(f"cat {GROUP}/memory.peak")) >> 20
    slowed = board.machine.ask(f"sed -n 's/^high //p' {GROUP}/memory.events")
    return f"four cameras and 50 clients: {peak} MiB at most, held back {slowed} times, no kill"


def proves_itself(board):
    said = board.machine.ask("watchpost update confirm --within 5m")
    return f"watchpost update confirm: {said.splitlines()[-1]}"


def usb(board, what):
    board.machine.ask(f"sh /usr/lib/watchpost-boot-test/usb-camera {what}")


def still_is(board, status):
    camera = board.box.get("/api/cameras/still")
    return camera["status"] == status and camera


def works_a_usb_camera(board):
    """Through libgphoto2 and libusb, with the rights of the udev rules and no others."""
    usb(board, "start")
    usb(board, "plug")
    attached = "grep -ls D10F60149B0C /sys/bus/usb/devices/*/serial"
    eventually("the kernel finds the camera", lambda: board.machine.run(attached)[0] == 0)
    board.box.post("/api/cameras", {"id": "still", "source": "usb:D10F60149B0C",
                                    "detect": {"fps": 0.2}})
    eventually("the USB camera is online", lambda: still_is(board, "online"))
    eventually("its live view moves", lambda: len(set(board.box.live("still", 2))) == 2)
    board.box.post("/api/cameras/still/actions/af-shutter", {})
    count = "find /var/lib/watchpost/media/stills -name '*.JPG' | wc -l"
    eventually("the photograph is on the disk", lambda: int(board.machine.ask(count)) >= 1)
    usb(board, "unplug")
    eventually("it is missed", lambda: not still_is(board, "online"))
    usb(board, "plug")
    camera = eventually("it is back after it was plugged in", lambda: still_is(board, "online"))
    return f"{camera['model']} in PC Remote: live view, a photograph fetched, unplugged and back"


def restarted(board, because):
    """Waits for the next start of the program and returns how long the box was away."""
    def look():
        seen = show(board, "MainPID", "ActiveState", "NRestarts")
        return seen["ActiveState"] == "active" and seen["MainPID"] not in ("0", board.pid) and seen
    seen = eventually(f"systemd starts the program again after {because}", look)
    board.pid = seen["MainPID"]
    eventually("the port answers again", lambda: board.box.bytes("/ready"))
    eventually("the event is still there", lambda: board.box.get(f"/api/events/{board.event['id']}"))


def comes_back_from_a_freeze(board):
    began = time.monotonic()
    board.machine.ask(f"kill -STOP {board.pid}")
    restarted(board, "a freeze")
    # The keyword of systemd's message "watchdog timeout".
    found = entries(board, f"UNIT={UNIT}", "--identifier=systemd")
    expect(any("Watchdog timeout" in entry["MESSAGE"] for entry in found), "no watchdog fired")
    return f"frozen, ended by the watchdog, serves again after {time.monotonic() - began:.0f} s"


def comes_back_from_a_kill(board):
    """What runs after the end silences the siren before the next start."""
    def silenced():
        said = [entry["MESSAGE"] for entry in entries(board, f"_SYSTEMD_UNIT={UNIT}")]
        return sum(line.startswith("siren is off") for line in said)

    before, began = silenced(), time.monotonic()
    board.machine.ask(f"kill -KILL {board.pid}")
    restarted(board, "a kill")
    took = time.monotonic() - began
    expect(silenced() > before, "nobody silenced the siren")
    return f"serves again after {took:.0f} s; outputs were off meanwhile"


def survives_a_power_cut(board):
    board.machine.cut_power()
    board.machine.switch_on()
    starts(board)
    serves(board)
    kept = eventually("the event", lambda: board.box.get(f"/api/events/{board.event['id']}"))
    expect(kept["summary"] == board.event["summary"], f"{kept}")
    picture = board.box.bytes(f"/api/events/{board.event['id']}/snapshot")
    expect(picture[:2] == b"\xff\xd8", "its picture is lost")
    check = board.machine.ask("setpriv --reuid watchpost --regid watchpost --clear-groups "
                              "watchpost store check")
    return f"the event and its picture are there; store check: {check.splitlines()[-1]}"


def stops_cleanly(board):
    began = time.monotonic()
    board.machine.ask(f"systemctl stop {UNIT}")
    seen = show(board, "Result", "ExecMainStatus", "ActiveState")
    expect(seen == {"Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"}, f"{seen}")
    high = [line for line in (4, 5, 6) if level(board, line)[0]]
    expect(not high, f"lines {high} are still on")
    took = time.monotonic() - began
    board.machine.run("systemctl --no-block poweroff")
    board.machine.await_end()
    return f"stopped after {took:.0f} s with its outputs off; the board switched itself off"


BOARD = [
    ("the board starts", starts),
    ("the shipped unit starts the program", serves),
    ("user, folders, rights to devices", has_its_user),
    ("the sandbox is in effect", is_caged),
    ("the caps are in effect (cgroup v2)", is_capped),
    ("live picture from V4L2", sees),
    ("motion sensor on a GPIO line", is_moved),
    ("an event is stored", keeps),
    ("load within the caps", bears_a_crowd),
    ("siren on a GPIO line", sounds),
    ("infrared by the camera's light", finds_night),
    ("fields in the journal", writes_the_journal),
    ("proof after an update", proves_itself),
    ("a still camera on USB (FunctionFS)", works_a_usb_camera),
    ("a frozen program", comes_back_from_a_freeze),
    ("a killed program", comes_back_from_a_kill),
    ("a power cut", survives_a_power_cut),
    ("a clean end", stops_cleanly),
]
