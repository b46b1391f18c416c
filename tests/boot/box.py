"""The box inside, as its clients see it: through the one port that is forwarded."""

import http.client
import json
import threading
from contextlib import contextmanager

KEY = "the-boot-test-of-watchpost"

# One answer, on an emulated board.
TIMEOUT = 60


class Box:
    """The API of the box behind a port of this machine."""

    def __init__(self, port):
        self.port = port

    @contextmanager
    def _answer(self, method, path, body=None, accept="application/json"):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            headers = {"X-API-Key": KEY, "Accept": accept}
            link.request(method, path, None if body is None else json.dumps(body), headers)
            answer = link.getresponse()
            if answer.status >= 300:
                raise OSError(f"{method} {path}: {answer.status} {answer.read(300)!r}")
            yield answer
        except http.client.HTTPException as error:
            raise OSError(f"{method} {path}: {error!r}") from error
        finally:
            link.close()

    def get(self, path):
        with self._answer("GET", path) as answer:
            return json.loads(answer.read())

    def post(self, path, body):
        with self._answer("POST", path, body) as answer:
            return json.loads(answer.read())

    def delete(self, path):
        with self._answer("DELETE", path) as answer:
            answer.read()

    def bytes(self, path):
        with self._answer("GET", path, accept="*/*") as answer:
            return answer.read()

    def figures(self):
        """All of /metrics, by name and labels."""
        lines = self.bytes("/metrics").decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and line[0] != "#")
        return {name: float(value) for name, value in pairs}

    def components(self):
        return self.get("/api/system/health")["services"]

    def events(self, limit=200):
        return self.get(f"/api/events?limit={limit}")["items"]

    def live(self, camera, pictures):
        """So many JPEG pictures of a camera's live stream."""
        seen, waiting = [], b""
        path = f"/api/cameras/{camera}/stream.mjpeg"
        with self._answer("GET", path, accept="*/*") as answer:
            while len(seen) < pictures:
                read = answer.read1(1 << 16)
                if not read:
                    raise OSError(f"{path} has ended")
                waiting += read
                start = waiting.find(b"\xff\xd8")
                end = waiting.find(b"\xff\xd9", start)
                if start >= 0 and end >= 0:
                    seen.append(waiting[start:end + 2])
                    waiting = waiting[end + 2:]
        return seen

    def listen(self, clients, stop):
        """Clients of the event stream, each a thread that comes back when it is cut off
        (the emulator's network drops some of many connections at once); how many bytes
        each got."""
        got = [0] * clients

        def listen_one(number):
            while not stop.is_set():
                try:
                    with self._answer("GET", "/api/events", accept="text/event-stream") as answer:
                        while not stop.is_set():
                            read = answer.read1(1 << 14)
                            if not read:
                                break
                            got[number] += len(read)
                except OSError:
                    stop.wait(1)

        threads = [threading.Thread(target=listen_one, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        return got, threads
