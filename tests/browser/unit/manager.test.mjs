import assert from "node:assert/strict";
import { test } from "node:test";

import { CameraControl, CameraManager, EventStream } from "../../../src/web/client/index.js";
import { realTiming } from "../../../src/web/client/timing.js";
import { next, withServer } from "./fakes.mjs";

/** Waits of up to 10 s are over at once, longer ones last as long as they say. */
const hasty = { ...realTiming, after: (run, ms) => setTimeout(run, ms <= 10_000 ? 0 : ms) };

/** A box with one camera, which remembers what it was asked. */
class Box {
  asked = [];
  streams = new Set();
  cameras = [{ id: "studio", name: "Studio", connected: false }];
  /** Answers to come, by request; beyond them everything is fine. */
  refusals = new Map();
  announces = true;

  answer = (request, response) => {
    const what = `${request.method} ${request.url}`;
    if (request.url === "/api/cameras") return response.end(JSON.stringify({ cameras: this.cameras }));
    if (request.url === "/api/events?ids=1") return this.#stream(response);
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      this.asked.push(body ? `${what} ${body}` : what);
      const refusal = this.refusals.get(what)?.shift();
      if (refusal) response.writeHead(400);
      if (!refusal && what.endsWith("POST /api/cameras/studio/connection") && this.announces) this.connected();
      response.end(JSON.stringify({ success: !refusal, message: refusal ?? "done" }));
    });
  };

  #stream(response) {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write('event: connected\ndata: {"cameraId":"*"}\n\n');
    this.streams.add(response);
  }

  say(event, data) {
    for (const stream of this.streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  connected() {
    this.say("connected", { cameraId: "studio", id: "studio", model: "ILCE-7M4" });
  }

  lost(error) {
    this.say("disconnected", { error, cameraId: "studio", id: "studio", reason: "unplugged" });
  }
}

/** A manager of a box, and what it has told. */
function managerOf(baseUrl, options = {}) {
  const manager = new CameraManager({ baseUrl, timing: hasty, pollIntervalMs: 60_000, ...options });
  const story = [];
  for (const name of ["camera-found", "camera-connecting", "camera-ready", "camera-disconnected", "camera-lost"]) {
    manager.on(name, (told) => story.push(`${name} ${(told.camera ?? told).id}`));
  }
  return { manager, story };
}

const POST = "POST /api/cameras/studio/connection";
const PUT = "PUT /api/cameras/studio/priority-key";

test("a camera that is found is connected, the box takes the say, and it is ready", async () => {
  const box = new Box();
  await withServer(box.answer, async (baseUrl) => {
    const { manager, story } = managerOf(baseUrl);
    const ready = next(manager, "camera-ready");
    manager.start();
    assert.equal((await ready).name, "Studio");
    assert.equal(manager.state("studio"), "connected");
    assert.deepEqual(story, ["camera-found studio", "camera-connecting studio", "camera-ready studio"]);
    assert.deepEqual(box.asked, [`${POST} {"mode":"remote"}`, `${PUT} {"setting":"pc-remote"}`]);
    manager.stop();
  });
});

test("the say is asked for again until the camera gives it, and not at all for its contents", async () => {
  const box = new Box();
  box.refusals.set(PUT, Array(9).fill("busy"));
  await withServer(box.answer, async (baseUrl) => {
    const { manager } = managerOf(baseUrl);
    const ready = next(manager, "camera-ready");
    manager.start();
    await ready;
    assert.equal(box.asked.filter((what) => what.startsWith(PUT)).length, 10);
    manager.stop();
  });
  const card = new Box();
  await withServer(card.answer, async (baseUrl) => {
    const { manager } = managerOf(baseUrl, { connectionMode: "contents" });
    const ready = next(manager, "camera-ready");
    manager.start();
    await ready;
    assert.deepEqual(card.asked, [`${POST} {"mode":"contents"}`]);
    manager.stop();
  });
});

test("a lost camera is connected anew after the rest of its session has been ended", async () => {
  const box = new Box();
  await withServer(box.answer, async (baseUrl) => {
    const { manager, story } = managerOf(baseUrl);
    const ready = next(manager, "camera-ready");
    manager.start();
    await ready;
    const again = next(manager, "camera-ready");
    box.lost("0x00008201");
    await again;
    assert.deepEqual(story.slice(3), ["camera-disconnected studio", "camera-connecting studio", "camera-ready studio"]);
    assert.deepEqual(box.asked.slice(2, 4), ["DELETE /api/cameras/studio/connection", `${POST} {"mode":"remote"}`]);
    manager.stop();
  });
});

test("a session that somebody ended on purpose is left alone", async () => {
  const box = new Box();
  await withServer(box.answer, async (baseUrl) => {
    const { manager } = managerOf(baseUrl);
    const ready = next(manager, "camera-ready");
    manager.start();
    await ready;
    const ended = next(manager, "camera-disconnected");
    box.lost("0x00000000");
    assert.equal((await ended).reason, "unplugged");
    await manager.refresh();
    assert.equal(manager.state("studio"), "disconnected");
    assert.equal(box.asked.filter((what) => what.startsWith(POST)).length, 1);
    manager.stop();
  });
});

test("a camera that stays away is given up after so many attempts, and said so", async () => {
  const box = new Box();
  box.refusals.set(POST, Array(9).fill("no such camera"));
  await withServer(box.answer, async (baseUrl) => {
    const { manager } = managerOf(baseUrl, { maxReconnectAttempts: 2 });
    const failed = next(manager, "connection-failed");
    manager.start();
    const { error, of, camera } = await failed;
    assert.deepEqual([error.message, of, camera.id], ["no such camera", "camera", "studio"]);
    assert.equal(box.asked.filter((what) => what.startsWith(POST)).length, 3);
    manager.stop();
  });
});

test("who wants no sessions gets none, and can begin and end one", async () => {
  const box = new Box();
  await withServer(box.answer, async (baseUrl) => {
    const { manager } = managerOf(baseUrl, { autoConnect: false });
    const found = next(manager, "camera-found");
    manager.start();
    await found;
    assert.equal(manager.state("studio"), "detected");
    assert.deepEqual(box.asked, []);
    await manager.connect("studio");
    assert.equal(manager.state("studio"), "connected");
    await manager.disconnect("studio");
    box.lost("0x00000000");
    assert.equal(manager.state("studio"), "disconnected");
    assert.equal(box.asked.at(-1), "DELETE /api/cameras/studio/connection");
    assert.throws(() => manager.control("nobody"), /no camera nobody/);
    manager.stop();
  });
});

test("a camera that is found no longer ends its story here", async () => {
  const box = new Box();
  await withServer(box.answer, async (baseUrl) => {
    const { manager } = managerOf(baseUrl, { autoConnect: false });
    manager.start();
    await next(manager, "cameras");
    box.cameras = [];
    const lost = next(manager, "camera-lost");
    await manager.refresh();
    assert.equal((await lost).id, "studio");
    assert.throws(() => manager.state("studio"), /no camera studio/);
    manager.stop();
  });
});

test("a control asks what its name says", async () => {
  const asked = [];
  const answer = (request, response) => {
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      asked.push(`${request.method} ${request.url.replace("/api/cameras/studio/", "")} ${body}`.trim());
      const data = { properties: { iso: 1 }, frames: ["a"], streaming: true, path: "/stills" };
      response.end(JSON.stringify({ success: true, message: "", data, files: ["f"] }));
    });
  };
  await withServer(answer, async (baseUrl) => {
    const camera = new CameraControl("studio", { baseUrl });
    await camera.setProperty("shutter-speed", "1/250");
    await camera.shutter();
    await camera.shutter("down");
    await camera.zoom(-4);
    await camera.focus(3);
    await camera.setFocusArea(0.5, 0.25);
    await camera.startLiveView();
    await camera.fetchFile(2, { content_id: 7, file_id: 1, file_path: "", file_size: 1 }, { form: "thumbnail" });
    assert.deepEqual(await camera.properties(), { iso: 1 });
    assert.deepEqual(await camera.trackingFrames(), ["a"]);
    assert.deepEqual(await camera.files(), ["f"]);
    assert.equal((await camera.saveInfo()).path, "/stills");
    assert.deepEqual(asked, [
      'PUT properties/shutter-speed {"value":"1/250"}',
      "POST actions/shutter {}",
      'POST actions/shutter {"action":"down"}',
      'POST actions/zoom {"speed":-4}',
      'POST actions/focus-near-far {"step":3}',
      'PUT af-area-position {"normalized":{"x":0.5,"y":0.25}}',
      "POST live-view/start {}",
      "POST sd-card/slot/2/files/7/1/thumbnail {}",
      "GET properties/all",
      "GET tracking-frame",
      "GET sd-card/slot/1/files",
      "GET settings/save-info",
    ]);
  });
});

test("a stream with ids goes on where it was", async () => {
  const asked = [];
  const answer = (request, response) => {
    asked.push(request.headers["last-event-id"] ?? "the beginning");
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.end(`id: run-${asked.length}\nevent: warning\ndata: {"nth":${asked.length}}\n\nevent: x\ndata: {}\n\n`);
  };
  await withServer(answer, async (baseUrl) => {
    const stream = new EventStream("/api/events?ids=1", { baseUrl, timing: hasty });
    const third = next(stream, "frame", ({ data }) => data.nth === 3);
    stream.open();
    await third;
    stream.close();
    assert.deepEqual(asked.slice(0, 3), ["the beginning", "run-1", "run-2"]);
  });
});
