"""A session in remote mode: settings, shutter, live view, focus, where stills go."""

import pathlib
import time

from harness import accepted, eventually, jpeg, refused

ISO, CAPTURED = "0x104", "0x20011"


def all_properties(h, camera):
    """every property carries its value as number, hex and words"""
    data = h.properties.get_all(camera).data
    assert data.total_properties == len(data.properties) or data.total_properties > 10
    for name in ("iso", "aperture", "shutter-speed", "white-balance", "battery-remain"):
        entry = data.properties[name]
        assert int(entry.current_hex_value, 16) == entry.current_value % 2**64, (name, entry)
        assert entry.current_formatted and isinstance(entry.writable, bool)
    assert data.properties["battery-remain"].writable is False
    assert len(data.properties["iso"].available_values) > 5


def a_property(h, events, camera):
    """a setting is read, set by its value and by its name, and the change is told"""
    before = h.properties.get(camera, "iso").data
    assert before.property == "iso" and before.writable is True
    other = next(v for v in before.available_values if v.value not in (before.value, "0xffffff"))
    events.drain()
    answer = accepted(h.properties.set(camera, "iso", value=other.value))
    assert answer["value"] == other.value, answer
    assert h.properties.get(camera, "iso").data.value == other.value
    told = events.wait("propertyChanged", lambda data: ISO in data["codes"])
    assert told["count"] == len(told["codes"]), told
    accepted(h.properties.set(camera, "iso", value=before.formatted))
    assert h.properties.get(camera, "iso").data.value == before.value


def known_numbers(h, camera):
    """aperture, shutter speed and destination speak the SDK's numbers"""
    accepted(h.properties.set(camera, "aperture", value="f/8"))
    assert h.properties.get(camera, "aperture").data.value == "0x320"
    accepted(h.properties.set(camera, "shutter-speed", value="1/250"))
    assert h.properties.get(camera, "shutter-speed").data.value == "0x100fa"
    name = "still-image-store-destination"
    accepted(h.properties.set(camera, name, value="0x1"))
    assert h.properties.get(camera, name).data.value == "0x1"


def bad_properties(h, camera):
    """an unknown name, a value that is not offered and a fixed property are refused"""
    refused(lambda: h.properties.get(camera, "no-such-thing"))
    refused(lambda: h.properties.set(camera, "iso", value="0x7"))
    refused(lambda: h.properties.set(camera, "iso", value="many"))
    refused(lambda: h.properties.set(camera, "battery-remain", value="0x1"))


def priority_key(h, camera):
    """a fresh session has the say, and can give it back"""
    assert h.properties.get_priority_key(camera).data.setting == "pc-remote"
    for setting in ("camera-position", "pc-remote"):
        accepted(h.properties.set_priority_key(camera, setting=setting))
        assert h.properties.get_priority_key(camera).data.setting == setting
    refused(lambda: h.properties.set_priority_key(camera, setting="nobody"))


def capture(h, events, camera, media):
    """a photograph comes to the box: focused, captured, on the disk, unlocked"""
    events.drain()
    accepted(h.actions.af_shutter(camera))
    _, _, still, _ = events.in_order([
        ("afStatus", {"state": "focused", "cameraId": camera}),
        ("warning", {"code": CAPTURED, "cameraId": camera}),
        ("downloadComplete", {"type": "image", "cameraId": camera}),
        ("afStatus", {"state": "unlocked", "cameraId": camera}),
    ])
    assert find(media, still["filename"]).read_bytes().startswith(b"\xff\xd8\xff"), still


def find(media, told):
    """The file that an event tells of; where it tells a bare name, the newest so called."""
    path = pathlib.Path(told)
    if path.is_absolute():
        assert path.is_file() and path.is_relative_to(media), f"{told} is not below {media}"
        return path
    return newest(media, path.name)


def newest(media, name="*"):
    """The newest file so called."""
    found = [file for file in pathlib.Path(media).rglob(name) if file.is_file()]
    assert found, f"{name} is nowhere below {media}"
    return max(found, key=lambda file: file.stat().st_mtime_ns)


def shutter(h, events, camera):
    """the shutter answers to down, up and a whole press"""
    for action in ("down", "up", None):
        events.drain()
        data = accepted(h.actions.shutter(camera, **({"action": action} if action else {})))
        assert data["action"], data
        if action != "down":
            events.wait("downloadComplete")
    refused(lambda: h.actions.shutter(camera, action="sideways"))


def half_press(h, events, camera):
    """half a press focuses and lets go"""
    events.drain()
    accepted(h.actions.half_press(camera))
    events.in_order([("afStatus", {"state": "focused"}), ("afStatus", {"state": "unlocked"})])


def manual_focus_refuses_af(h, camera):
    """autofocus is refused in manual focus, with the reason"""
    accepted(h.properties.set(camera, "focus-mode", value="mf"))
    body = refused(lambda: h.actions.af_shutter(camera))
    assert body["data"]["error"] == "focus_mode_not_af", body
    accepted(h.properties.set(camera, "focus-mode", value="af-s"))


def focus_steps(h, camera):
    """the lens is moved near and far, and never by nothing"""
    assert accepted(h.actions.focus_near_far(camera, step=-3))["direction"] == "near"
    assert accepted(h.actions.focus_near_far(camera, step=7))["direction"] == "far"
    for step in (0, 8, -8):
        refused(lambda: h.actions.focus_near_far(camera, step=step))


def movie(h, camera):
    """the movie key starts and stops"""
    def state():
        return h.properties.get(camera, "recording-state").data.value

    idle = state()
    accepted(h.actions.movie_rec(camera))
    eventually("it records", lambda: state() != idle)
    accepted(h.actions.movie_rec(camera))
    eventually("it stops", lambda: state() == idle)


def second_tier(h, camera):
    """zoom and focus area are done, or refused with the reason"""
    for call in (
        lambda: h.actions.zoom(camera, request={"speed": -4}),
        lambda: h.actions.zoom(camera, request={"direction": "in", "speed": "fast"}),
        lambda: h.focus.set_area_position(camera, x=320, y=240),
    ):
        done_or_refused(call)
    refused(lambda: h.actions.zoom(camera, request={"speed": 11}))
    refused(lambda: h.focus.set_area_position(camera, x=640, y=480))


def done_or_refused(call):
    """Not every body can do it, and the answer must say so."""
    try:
        accepted(call())
    except AssertionError:
        raise
    except Exception:
        refused(call)


def never_done(h, camera):
    """what no driver can do is refused with a sentence, not with a server error"""
    for call in (
        lambda: h.actions.button(camera, button="menu"),
        lambda: h.actions.touch(camera, x=1, y=1),
        lambda: h.actions.touch_cancel(camera),
        lambda: h.focus.get_area_position(camera),
        lambda: h.settings.download(camera),
        lambda: h.settings.upload(camera, filename="CUMSET.DAT"),
        lambda: h.settings.import_lut(camera, file_path="look.cube"),
    ):
        refused(call)


def live_view(h, camera):
    """live view starts, shows JPEGs, stops, and without it there are no frames"""
    accepted(h.live_view.enable(camera))
    accepted(h.live_view.start(camera))
    state = h.live_view.get_status(camera).data
    assert (state.enabled, state.streaming) == (True, True), state
    frame = poll_frame(lambda: h.live_view.get_frame(camera))
    assert len(frame) > 10_000
    tracking = h.focus.get_tracking_frame(camera)
    assert tracking.success is True and tracking.data.frame_count == len(tracking.data.frames)
    accepted(h.live_view.stop(camera))
    state = h.live_view.get_status(camera).data
    assert (state.enabled, state.streaming) == (True, False), state
    refused(lambda: h.live_view.get_frame(camera), 404)


def osd(h, camera):
    """the picture with what was seen drawn into it, on and off"""
    state = h.live_view.get_osd_status(camera).data
    assert state.supported is True, state
    accepted(h.live_view.start(camera))
    accepted(h.live_view.enable_osd(camera))
    assert h.live_view.get_osd_status(camera).data.enabled is True
    poll_frame(lambda: h.live_view.get_osd_frame(camera))
    accepted(h.live_view.disable_osd(camera))
    assert h.live_view.get_osd_status(camera).data.enabled is False
    accepted(h.live_view.disable(camera))
    assert h.live_view.get_status(camera).data.enabled is False


def poll_frame(call):
    """Polls as clients do: 404 means try again."""
    for _ in range(600):
        try:
            return jpeg(call())
        except Exception as error:
            if getattr(error, "status_code", None) != 404:
                raise
            time.sleep(0.1)
    raise AssertionError("no frame came")


def save_info(h, events, camera, media):
    """stills go where they are told to, and never outside"""
    before = h.settings.get_save_info(camera).data
    assert before.path and before.start_no is not None, before
    answer = accepted(
        h.settings.set_save_info(camera, path="wedding", prefix="W_", start_no=7)
    )
    assert answer["prefix"] == "W_" and answer["startNo"] == 7, answer
    events.drain()
    accepted(h.actions.shutter(camera))
    told = events.wait("downloadComplete")["filename"]
    assert pathlib.PurePath(told).name.startswith("W_00007"), told
    assert "wedding" in find(media, told).parts
    for path in ("../outside", "/etc", "a/../../b"):
        refused(lambda: h.settings.set_save_info(camera, path=path))


def settings_files(h, camera):
    """the list of settings files is a list"""
    answer = h.settings.list_files(camera)
    assert answer.success is True and answer.count == len(answer.files)


def no_cards(h, camera):
    """cards are closed in remote mode"""
    refused(lambda: h.sd_card.list(camera, 1))
    for call in (h.sd_card.download, h.sd_card.download_thumbnail, h.sd_card.download_screennail):
        refused(lambda: call(camera, 1, 1, 1))
