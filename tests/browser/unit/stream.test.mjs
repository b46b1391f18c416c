import assert from "node:assert/strict";
import { test } from "node:test";

import { CameraManager, EventStream, LiveView, StillView } from "../../../src/web/client/index.js";
import { PartParser } from "../../../src/web/client/live-view.js";
import { FrameParser } from "../../../src/web/client/sse.js";
import { next, withServer } from "./fakes.mjs";

const SSE = { "Content-Type": "text/event-stream" };
const CAMERA = { id: "front_door", name: "Front door", connected: true, status: "online" };

/** What a server sends for one event. */
const frame = (event, data) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** Answers the list of cameras, and the event stream with `stream(response)`. */
function box(list, stream) {
  return (request, response) => {
    if (request.url === "/api/cameras") return response.end(JSON.stringify(list()));
    response.writeHead(200, SSE);
    stream(response);
  };
}

test("frames are the same whatever pieces they arrive in", () => {
  const text = ': keepalive\n\nevent: connected\ndata: {"a":1}\n\ndata: one\ndata: two\r\n\r\nevent: x\n\n';
  const expected = [
    { event: "connected", data: '{"a":1}' },
    { event: "message", data: "one\ntwo" },
  ];
  for (let size = 1; size <= text.length; size += 1) {
    const parser = new FrameParser();
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g"));
    assert.deepEqual(pieces.flatMap((piece) => parser.push(piece)), expected, `pieces of ${size}`);
  }
});

test("a frame without an end is refused instead of kept", () => {
  const parser = new FrameParser();
  assert.throws(() => parser.push("data: ".padEnd(2 << 20, "x")), /has no end/);
});

test("a frame named error is a camera's report, and the stream goes on", async () => {
  let streams = 0;
  const answer = box(
    () => ({ cameras: [CAMERA] }),
    (response) => {
      streams += 1;
      response.write(frame("connected", { cameraId: "*" }));
      response.write(frame("error", { code: "0x00008001", message: "lens", cameraId: "front_door" }));
      response.write(frame("disconnected", { id: "front_door", error: "0x00000000", reason: "unplugged" }));
    },
  );
  await withServer(answer, async (baseUrl) => {
    const manager = new CameraManager({ baseUrl, autoConnect: false });
    const failed = [];
    manager.on("connection-failed", (failure) => failed.push(failure));
    const reports = [next(manager, "error"), next(manager, "disconnected"), next(manager, "camera-found")];
    manager.start();
    const [error, disconnected, found] = await Promise.all(reports);
    manager.stop();
    assert.equal(error.message, "lens");
    assert.equal(disconnected.reason, "unplugged");
    assert.equal(found.name, "Front door");
    assert.deepEqual([streams, failed], [1, []]);
  });
});

test("the greeting of the stream is not taken for a camera", async () => {
  const answer = box(
    () => ({ cameras: [] }),
    (response) => {
      response.write(frame("connected", { cameraId: "*" }));
      response.write(frame("connected", { cameraId: "yard", id: "yard", model: "RTSP" }));
    },
  );
  await withServer(answer, async (baseUrl) => {
    const manager = new CameraManager({ baseUrl, autoConnect: false });
    const connected = next(manager, "connected");
    manager.start();
    assert.deepEqual((await connected).id, "yard");
    manager.stop();
  });
});

test("cameras that appear, change and disappear are told", async () => {
  const lists = [
    [CAMERA],
    [{ ...CAMERA, status: "offline", connected: false, reason: "no route" }],
    [],
  ];
  const answer = box(() => ({ cameras: lists.shift() ?? [] }), () => {});
  await withServer(answer, async (baseUrl) => {
    const manager = new CameraManager({ baseUrl, stream: false, autoConnect: false });
    const story = [];
    manager.on("camera-found", ({ id }) => story.push(`found ${id}`));
    manager.on("camera-changed", ({ camera }) => story.push(`${camera.status}: ${camera.reason}`));
    manager.on("camera-lost", ({ id }) => story.push(`lost ${id}`));
    for (const _ of [1, 2, 3]) await manager.refresh();
    assert.deepEqual(story, ["found front_door", "offline: no route", "lost front_door"]);
  });
});

test("a refusal carries the server's sentence, code and hint", async () => {
  const answer = (request, response) => {
    response.writeHead(401);
    response.end('{"message":"a valid API key is required","error":{"code":"key_required","hint":"send it"}}');
  };
  await withServer(answer, async (baseUrl) => {
    const manager = new CameraManager({ baseUrl, stream: false, autoConnect: false });
    const failed = next(manager, "connection-failed");
    await manager.refresh();
    const { error } = await failed;
    assert.deepEqual(
      [error.message, error.code, error.hint, error.needsKey],
      ["a valid API key is required", "key_required", "send it", true],
    );
  });
});

test("a stream that ends is opened again, with the key in a header", async () => {
  const keys = [];
  const answer = (request, response) => {
    keys.push([request.headers["x-api-key"], request.url]);
    response.writeHead(200, SSE);
    response.end(frame("warning", { nth: keys.length }));
  };
  await withServer(answer, async (baseUrl) => {
    const stream = new EventStream("/api/events", { baseUrl, apiKey: "sixteen-characters" });
    const second = next(stream, "frame", ({ data }) => data.nth === 2);
    stream.open();
    await second;
    stream.close();
    assert.deepEqual(keys[1], ["sixteen-characters", "/api/events"]);
  });
});

test("pictures are the same whatever pieces they arrive in", () => {
  const pictures = ["first", "the second\r\n\r\n", "3"].map((text) => Buffer.from(text));
  const sent = Buffer.concat(
    pictures.flatMap((picture) => [
      Buffer.from(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`),
      picture,
      Buffer.from("\r\n"),
    ]),
  );
  for (let size = 1; size <= sent.length; size += 1) {
    const parser = new PartParser();
    const got = [];
    for (let at = 0; at < sent.length; at += size) got.push(...parser.push(sent.subarray(at, at + size)));
    assert.deepEqual(got.map((picture) => Buffer.from(picture)), pictures, `pieces of ${size}`);
  }
});

test("parts without an end, without a length, or too long are refused", () => {
  for (const text of ["x".repeat(5000), "--f\r\n\r\n", "--f\r\nContent-Length: 99999999\r\n\r\n"]) {
    assert.throws(() => new PartParser().push(Buffer.from(text)), /part of the stream/);
  }
});

test("a live view tells why there is no picture, and shows the next one", async () => {
  let requests = 0;
  const answer = (request, response) => {
    requests += 1;
    if (requests === 1) {
      response.writeHead(503);
      return response.end('{"message":"the camera has no picture"}');
    }
    response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=f" });
    return response.write("--f\r\nContent-Length: 4\r\n\r\nJPEG\r\n");
  };
  await withServer(answer, async (baseUrl) => {
    const view = new LiveView("front_door", { baseUrl, boxes: true });
    const refused = next(view, "state", ({ state }) => state === "waiting");
    const picture = next(view, "picture");
    view.open();
    assert.equal((await refused).error.message, "the camera has no picture");
    assert.equal(Buffer.from(await picture).toString(), "JPEG");
    view.close();
  });
});

test("stills of a frozen camera are not told again, a new one is", async () => {
  const answers = [["1", "first"], ["1", "first"], ["1", "first"], ["2", "second"]];
  const answer = (request, response) => {
    const [tag, picture] = answers.shift() ?? ["2", "second"];
    response.setHeader("ETag", `"${tag}"`);
    response.end(picture);
  };
  await withServer(answer, async (baseUrl) => {
    const view = new StillView("front_door", { baseUrl, everyMs: 1 });
    const told = [];
    view.on("picture", (picture) => told.push(Buffer.from(picture).toString()));
    const second = next(view, "picture", (picture) => picture.length === 6);
    view.open();
    await second;
    view.close();
    assert.deepEqual(told, ["first", "second"]);
  });
});
