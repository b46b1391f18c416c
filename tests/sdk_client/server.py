"""Before a camera is connected, and the server itself."""

from harness import accepted, refused

BODY_KEYS = {"success", "message"}


def status(h):
    """the status counts cameras in whole numbers and whole seconds"""
    answer = h.server.status()
    assert answer.success is True and answer.server.version and answer.server.sdk_version
    assert answer.server.uptime >= 0 and answer.cameras.discovered >= 1
    assert answer.server.platform.startswith("linux-"), answer.server.platform


def logs(h):
    """the log is newest first and as long as asked for"""
    answer = h.server.logs(lines=5, level="info")
    assert answer.success is True and 1 <= len(answer.logs) <= 5
    # Threads that speak at the same moment may be milliseconds out of order.
    times = [entry.timestamp.timestamp() for entry in answer.logs]
    assert all(later > earlier - 1 for later, earlier in zip(times, times[1:])), times
    assert all(entry.level in ("info", "warn", "error") for entry in answer.logs)


def shutdown_is_off(h):
    """shutdown is refused unless it was allowed"""
    refused(h.server.shutdown, 403)


def shutdown(h):
    """shutdown ends the server when it is allowed"""
    assert h.server.shutdown().success is True


def listed(h, camera):
    """the camera is listed with its kind of connection"""
    answer = h.cameras.list()
    assert answer.success is True
    [mine] = [entry for entry in answer.cameras if entry.id == camera]
    assert mine.connection_type == "Network" and mine.model, mine


def unknown_camera(h):
    """an unknown camera is disconnected, not an error, unless something is asked of it"""
    answer = h.cameras.get_connection_status("nobody")
    assert answer.success is True and answer.camera.connected is False and answer.data is None
    refused(lambda: h.properties.get("nobody", "iso"))
    refused(lambda: h.cameras.connect("nobody"))
    refused(lambda: h.sd_card.list("nobody", 1), 404)


def fingerprint(h, camera):
    """no camera speaks SSH with this server"""
    answer = h.connection.get_fingerprint(camera)
    assert answer.success is True and answer.data.ssh_supported is False
    refused(lambda: h.connection.get_fingerprint("nobody"), 404)


def not_connected(h, camera):
    """what needs a session is refused without one: 400, for frames and cards 404"""
    h.cameras.disconnect(camera)
    answer = h.cameras.get_connection_status(camera)
    assert answer.camera.connected is False and answer.data is None
    for call in (
        lambda: h.properties.get_all(camera),
        lambda: h.actions.shutter(camera),
        lambda: h.live_view.start(camera),
        lambda: h.settings.get_save_info(camera),
    ):
        refused(call)
    for call in (
        lambda: h.focus.get_area_position(camera),
        lambda: h.focus.get_tracking_frame(camera),
        lambda: h.sd_card.list(camera, 1),
        lambda: h.live_view.get_frame(camera),
    ):
        refused(call, 404)


def bad_modes(h, camera):
    """a mode that does not exist and a login nobody can use are refused"""
    body = refused(lambda: h.cameras.connect(camera, mode="ptp"))
    assert "mode" in body["message"].lower(), body
    refused(lambda: h.cameras.connect(camera, mode="remote", username="a", password="b"))


def mode_not_offered(h, camera, mode):
    """a mode that is not to be had with this camera is refused with the reason"""
    refused(lambda: h.cameras.connect(camera, mode=mode))
    assert h.cameras.get_connection_status(camera).camera.connected is False


def connect(h, events, camera, mode):
    """a camera is connected in the mode asked for, and everyone is told"""
    events.drain()
    accepted(h.cameras.connect(camera, **({"mode": mode} if mode else {})))
    told = events.wait("connected", lambda data: data.get("cameraId") == camera)
    assert told["id"] == camera and told["model"], told
    answer = h.cameras.get_connection_status(camera)
    assert answer.camera.connected is True and answer.data.mode == (mode or "remote"), answer


def connect_again(h, camera):
    """connecting twice keeps the session and its mode"""
    accepted(h.cameras.connect(camera, mode="contents"))
    assert h.cameras.get_connection_status(camera).data.mode == "remote"


def disconnect(h, events, camera):
    """a camera is disconnected, everyone is told, and once more is no error"""
    events.drain()
    accepted(h.cameras.disconnect(camera))
    told = events.wait("disconnected", lambda data: data.get("cameraId") == camera)
    assert told["error"].startswith("0x"), told
    accepted(h.cameras.disconnect(camera))
