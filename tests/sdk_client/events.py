"""Reads the event stream as bytes: the published client has no call for it."""

import http.client
import json
import queue
import threading
import urllib.parse

# Longest wait for an event. Generous: build machines are small and busy, and
# nothing waits this long when all is well.
DEADLINE_S = 60


class Events:
    """All events of one stream from now on, in order."""

    def __init__(self, url, path="/api/events"):
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=DEADLINE_S)
        self._connection.request("GET", path, headers={"Accept": "text/event-stream"})
        self._response = self._connection.getresponse()
        assert self._response.status == 200, f"{path} answers {self._response.status}"
        self._queue = queue.Queue(maxsize=100_000)
        threading.Thread(target=self._read, daemon=True).start()
        name, data = self.next()
        assert (name, list(data)) == ("connected", ["cameraId"]), f"handshake is {name} {data}"

    def _read(self):
        name = None
        try:
            for line in self._response:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self._queue.put((name, json.loads(line.removeprefix("data: "))))
                else:
                    assert line == "" or line == ": keepalive", f"unknown line {line!r}"
        except (OSError, ValueError, AttributeError):
            pass  # The daemon or the test has ended.

    def next(self):
        """The next event: name and data."""
        return self._queue.get(timeout=DEADLINE_S)

    def wait(self, name, is_it=lambda data: True):
        """The data of the next event of this name that `is_it`."""
        seen = []
        while True:
            try:
                event = self.next()
            except queue.Empty:
                raise AssertionError(f"no event {name}; came: {seen}") from None
            if event[0] == name and is_it(event[1]):
                return event[1]
            seen.append(event)

    def drain(self):
        """Forgets what has come so far."""
        while not self._queue.empty():
            self._queue.get_nowait()

    def in_order(self, expected):
        """Waits for these (name, part of the data) in this order; others may lie
        between them."""
        found = []
        for name, part in expected:
            found.append(self.wait(name, lambda data: part.items() <= data.items()))
        return found
