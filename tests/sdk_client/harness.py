"""Runs checks one after the other, all of them whatever fails, and knows which
operations of the published client were called."""

import inspect
import time
import traceback

from alpha_sdk_client import AlphaSDKClient
from alpha_sdk_client.core.api_error import ApiError

# All groups of the client.
GROUPS = (
    "actions", "cameras", "connection", "focus", "live_view", "properties", "sd_card",
    "server", "settings",
)


class Recorded:
    """A group of operations that notes which ones were called."""

    def __init__(self, name, group, called):
        self._name, self._group, self._called = name, group, called

    def __getattr__(self, operation):
        self._called.add(f"{self._name}.{operation}")
        return getattr(self._group, operation)


class Harness:
    """The client, and the outcome of the checks."""

    def __init__(self, url):
        client = AlphaSDKClient(base_url=url, max_retries=0, timeout=120)
        self.called, self.failed, self.passed = set(), [], 0
        for name in GROUPS:
            setattr(self, name, Recorded(name, getattr(client, name), self.called))
        self.all = {
            f"{name}.{operation}"
            for name in GROUPS
            for operation, member in inspect.getmembers(type(getattr(client, name)))
            if inspect.isfunction(member) and not operation.startswith("_")
        }

    def check(self, check, *arguments):
        """Runs one check; its name is its first line of documentation."""
        name = inspect.getdoc(check).splitlines()[0]
        try:
            check(self, *arguments)
        except Exception:
            self.failed.append(name)
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
        else:
            self.passed += 1
            print(f"ok      {name}", flush=True)

    def finish(self, is_partial):
        """Prints the outcome; whether all is well."""
        missing = set() if is_partial else self.all - self.called
        if missing:
            print(f"never called: {', '.join(sorted(missing))}")
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.called)} operations called")
        return not self.failed and not missing


def refused(call, status=400):
    """Expects a refusal that says why; gives its body."""
    try:
        answer = call()
        if not hasattr(answer, "success"):
            b"".join(answer)
    except ApiError as error:
        body = error.body if isinstance(error.body, dict) else error.body.dict()
        assert error.status_code == status, f"{error.status_code} instead of {status}: {body}"
        assert body["success"] is False and body["message"], body
        return body
    raise AssertionError(f"was not refused: {answer}")


def eventually(what, is_so):
    """Waits until it is so: a camera takes a moment, and libgphoto2 remembers for two
    seconds."""
    for _ in range(300):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


def accepted(response):
    """Expects success; gives the data."""
    assert response.success is True, response
    return response.data


def jpeg(chunks):
    """Expects a JPEG; gives its bytes. Nothing is sent before this reads."""
    picture = b"".join(chunks)
    assert picture.startswith(b"\xff\xd8\xff"), f"no JPEG: {picture[:16]!r}"
    return picture
