"""The published Python client (alpha-sdk-client) against a running appliance.

    conformance.py --url http://127.0.0.1:8080 --camera studio --media DIRECTORY

Calls every operation of the client on a simulated still camera and checks what
is answered, not only that it can be parsed. DIRECTORY is where the appliance
keeps what cameras give it; `--modes` are the sessions that it can have with this
camera, and the others must be refused. Exit code 1 when a check fails or an operation was
never called. `--only shutdown` ends an appliance that allows it.
"""

import argparse
import sys

import remote
import server
import transfer
from events import Events
from harness import Harness


def before(h, camera):
    h.check(server.status)
    h.check(server.logs)
    h.check(server.shutdown_is_off)
    h.check(server.listed, camera)
    h.check(server.unknown_camera)
    h.check(server.fingerprint, camera)
    h.check(server.not_connected, camera)
    h.check(server.bad_modes, camera)


def in_remote_mode(h, events, camera, media):
    h.check(server.connect, events, camera, None)
    h.check(server.connect_again, camera)
    h.check(remote.all_properties, camera)
    h.check(remote.a_property, events, camera)
    h.check(remote.known_numbers, camera)
    h.check(remote.bad_properties, camera)
    h.check(remote.priority_key, camera)
    h.check(remote.capture, events, camera, media)
    h.check(remote.shutter, events, camera)
    h.check(remote.half_press, events, camera)
    h.check(remote.manual_focus_refuses_af, camera)
    h.check(remote.focus_steps, camera)
    h.check(remote.movie, camera)
    h.check(remote.second_tier, camera)
    h.check(remote.never_done, camera)
    h.check(remote.live_view, camera)
    h.check(remote.osd, camera)
    h.check(remote.save_info, events, camera, media)
    h.check(remote.settings_files, camera)
    h.check(remote.no_cards, camera)
    h.check(server.disconnect, events, camera)


def in_transfer_mode(h, events, camera, media, mode):
    h.check(server.connect, events, camera, mode)
    h.check(transfer.listing, camera, mode)
    h.check(transfer.download, events, camera, mode, media)
    h.check(transfer.smaller, events, camera, mode, media)
    h.check(transfer.bad_files, camera)
    if mode == "contents":
        h.check(transfer.no_shooting, camera)
    h.check(server.disconnect, events, camera)


MODES = ("remote-transfer", "contents")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--camera")
    parser.add_argument("--media")
    parser.add_argument("--modes", default="", help="beside remote, with commas between")
    parser.add_argument("--only", choices=["shutdown"])
    arguments = parser.parse_args()
    h = Harness(arguments.url)
    if arguments.only:
        h.check(server.shutdown)
    else:
        events = Events(arguments.url)
        camera, media = arguments.camera, arguments.media
        before(h, camera)
        in_remote_mode(h, events, camera, media)
        for mode in MODES:
            if mode in arguments.modes.split(","):
                in_transfer_mode(h, events, camera, media, mode)
            else:
                h.check(server.mode_not_offered, camera, mode)
    sys.exit(0 if h.finish(is_partial=bool(arguments.only)) else 1)


if __name__ == "__main__":
    main()
