#!/usr/bin/python3
"""An RTSP camera for tests: serves one MP4 (H.264) in an endless loop.

The file's access units are read once and sent again and again without being
encoded anew, with time stamps that go on over the loop. Every fresh session
begins with picture 0. Prints `port N` once it listens; unknown paths answer 404.

    rtsp_server.py FILE [--port N] [--path /stream] [--user U --password P] [--digest]

Instead of FILE, `jpeg`, `h265`, `h264-422` (colour in twice as many rows as decoders
commonly know) or `vp8` serves a test pattern in that encoding,
with sound beside it, as cameras have.

Needs python3-gi, gir1.2-gst-rtsp-server-1.0 and GStreamer's good and bad plug-ins.
"""

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401

# Pictures handed to a session ahead of time. Their time stamps pace the sender;
# the queue only has to keep it from running dry.
AHEAD = 5


def read_access_units(path):
    """All access units of the file as (bytes, pts, dts, duration), and the loop's
    length in nanoseconds."""
    pipeline = Gst.parse_launch(
        "filesrc name=file ! qtdemux ! h264parse config-interval=-1 "
        "! video/x-h264,stream-format=byte-stream,alignment=au "
        "! appsink name=sink sync=false"
    )
    pipeline.get_by_name("file").set_property("location", path)
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    units, caps = [], None
    while (sample := sink.try_pull_sample(10 * Gst.SECOND)) is not None:
        buffer, segment = sample.get_buffer(), sample.get_segment()
        caps = sample.get_caps()
        pts = segment.to_running_time(Gst.Format.TIME, buffer.pts)
        dts = segment.to_running_time(Gst.Format.TIME, buffer.dts)
        data = buffer.extract_dup(0, buffer.get_size())
        units.append((data, pts, dts, buffer.duration))
    pipeline.set_state(Gst.State.NULL)
    if not units:
        sys.exit(f"rtsp_server: no H.264 in {path}")
    length = max(pts + duration for _, pts, _, duration in units)
    return units, caps, length


class LoopFactory(GstRtspServer.RTSPMediaFactory):
    """Each session gets a sender of its own that begins with picture 0."""

    def __init__(self, units, caps, length):
        super().__init__()
        self.units, self.caps, self.length = units, caps, length
        self.set_launch(
            "( appsrc name=source is-live=true format=time block=false "
            "! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 )"
        )

    def do_configure(self, media):
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        source = media.get_element().get_by_name_recurse_up("source")
        source.set_property("caps", self.caps)
        source.set_property("max-bytes", 0)
        source.set_property("max-buffers", AHEAD)
        position = [0]
        lock = threading.Lock()
        full = threading.Event()

        def push(_source, _wanted):
            full.clear()
            with lock:
                while not full.is_set():
                    if source.emit("push-buffer", self.buffer(position[0])) != Gst.FlowReturn.OK:
                        return
                    position[0] += 1

        source.connect("need-data", push)
        source.connect("enough-data", lambda _source: full.set())

    def buffer(self, position):
        loop, index = divmod(position, len(self.units))
        data, pts, dts, duration = self.units[index]
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = pts + loop * self.length
        buffer.dts = dts + loop * self.length if dts != Gst.CLOCK_TIME_NONE else dts
        buffer.duration = duration
        return buffer


# Encoders of the test pattern. Sound comes first in the session description.
PATTERNS = {
    "jpeg": "jpegenc ! rtpjpegpay name=pay1 pt=26",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 "
            "! rtph265pay name=pay1 pt=97 config-interval=1",
    "h264-422": "videoconvert ! video/x-raw,format=Y42B "
                "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 "
                "! video/x-h264,profile=high-4:2:2 ! rtph264pay name=pay1 pt=97 config-interval=1",
    "vp8": "vp8enc deadline=1 ! rtpvp8pay name=pay1 pt=98",
}


def pattern_factory(encoding):
    """A test pattern of 320x240 px at 10 fps, with sound."""
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        "( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8 "
        "videotestsrc is-live=true pattern=ball "
        "! video/x-raw,format=I420,width=320,height=240,framerate=10/1 "
        f"! {PATTERNS[encoding]} )"
    )
    return factory


def require_login(server, factory, user, password, digest):
    """Lets `user` in and nobody else."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--port", default="0")
    parser.add_argument("--path", default="/stream")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--digest", action="store_true")
    arguments = parser.parse_args()

    Gst.init(None)
    if arguments.file in PATTERNS:
        factory = pattern_factory(arguments.file)
    else:
        factory = LoopFactory(*read_access_units(arguments.file))
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    server.get_mount_points().add_factory(arguments.path, factory)
    if arguments.user:
        require_login(server, factory, arguments.user, arguments.password, arguments.digest)
    if server.attach(None) == 0:
        sys.exit(f"rtsp_server: cannot listen on port {arguments.port}")
    print(f"port {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
