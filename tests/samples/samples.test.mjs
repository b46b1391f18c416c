// The samples of the realtime API's document, as they stand, against a box.
//
// Each file beside this one is a sample, byte for byte. It runs in a context of
// its own, in which `WebSocket` and `EventSource` lead to the box at `BASE_URL`
// instead of localhost:8000, with the key or token of that box instead of the
// sample's; whatever else a page would have (`updateGpuDashboard` and the like)
// only notes that it was called.
//
// Needs a WebSocket: Node 22, or Node 20 with --experimental-websocket.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

import { lifeOf, withoutTypes } from "./hooks.mjs";

const { BASE_URL, API_KEY = "", TOKEN = "" } = process.env;
const BOX = new URL(BASE_URL ?? "");
/** Ends a hang; nothing waits so long when all is well. */
const PATIENCE_MS = 60_000;
/** What the samples' pages are expected to have. */
const PAGE = [
  "updateGpuDashboard",
  "updateQueueIndicator",
  "updateHealthBadge",
  "showServiceAlert",
  "updateLiveView",
  "updateTypingIndicator",
  "hideTypingIndicator",
  "displayFinalResult",
  "showError",
];

const onBox = (address) =>
  address
    .replace("localhost:8000", BOX.host)
    .replace(/your-api-key|YOUR_KEY/, API_KEY)
    .replace("YOUR_TOKEN", TOKEN);

/** A sample in a page of its own, and what it does there. */
class Page {
  calls = [];
  sockets = [];
  #waiting = [];

  constructor(more = {}) {
    const page = this;
    class BoxSocket extends WebSocket {
      constructor(url, protocols = []) {
        super(onBox(url), protocols.map(onBox));
        page.sockets.push(this);
      }
    }
    const note = (name) => (...args) => this.#note(name, args);
    const console = Object.fromEntries(
      ["log", "debug", "warn", "error"].map((level) => [level, note(level)]),
    );
    const functions = Object.fromEntries(PAGE.map((name) => [name, note(name)]));
    this.timers = [];
    const keep = (timer) => (this.timers.push(timer), timer);
    this.context = vm.createContext({
      ...functions,
      ...more,
      console,
      WebSocket: BoxSocket,
      EventSource,
      setTimeout: (run, ms) => keep(setTimeout(run, ms)),
      setInterval: (run, ms) => keep(setInterval(run, ms)),
      clearInterval,
    });
  }

  run(file) {
    const text = readFileSync(new URL(file, import.meta.url), "utf8");
    const code = file.endsWith(".tsx") ? withoutTypes(text) : text;
    vm.runInContext(code, this.context, { filename: file });
    return this;
  }

  evaluate(code) {
    return vm.runInContext(code, this.context);
  }

  #note(name, args) {
    this.calls.push({ name, args });
    this.#waiting = this.#waiting.filter((look) => !look());
  }

  /** The first call of `name` whose first argument begins with `text`. */
  called(name, text = "") {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        const seen = this.calls.map((call) => `${call.name}(${call.args.map(String)})`).join("\n");
        reject(new Error(`${name} ${text} was not called, but\n${seen}`));
      }, PATIENCE_MS);
      const look = () => {
        const call = this.calls.find(
          ({ name: known, args }) => known === name && String(args[0]).startsWith(text),
        );
        if (!call) return false;
        clearTimeout(late);
        resolve(call.args);
        return true;
      };
      if (!look()) this.#waiting.push(look);
    });
  }

  /** Leaves the page. */
  leave() {
    this.timers.forEach((timer) => clearTimeout(timer));
    for (const socket of this.sockets) {
      socket.onclose = null;
      socket.close();
    }
  }
}

/** As much of EventSource as the sample uses. */
class EventSource {
  #end = new AbortController();

  constructor(path) {
    this.done = this.#read(new URL(path, BOX)).catch((error) => this.onerror?.(error));
  }

  async #read(url) {
    if (API_KEY) url.searchParams.set("api_key", API_KEY);
    const headers = { Accept: "text/event-stream" };
    const response = await fetch(url, { headers, signal: this.#end.signal });
    for (const block of (await response.text()).split("\n\n")) {
      if (this.#end.signal.aborted) return;
      if (block.startsWith("data: ")) this.onmessage?.({ data: block.slice("data: ".length) });
    }
  }

  close() {
    this.#end.abort();
  }
}

const sample = (name, options, run) =>
  test(name, options, async () => {
    const page = new Page(options.page);
    try {
      await run(page);
    } finally {
      page.leave();
    }
  });

const opened = (socket) =>
  new Promise((resolve, reject) => {
    socket.addEventListener("message", resolve);
    socket.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)));
    socket.addEventListener("open", () => socket.send("ping"));
  });

const withKey = { skip: API_KEY ? false : "this box has no key" };
const withToken = { skip: TOKEN ? false : "this box has no token" };

for (const [file, needs] of [
  ["auth-key.js", withKey],
  ["auth-protocol.js", withKey],
  ["auth-token.js", withToken],
]) {
  sample(`${file} opens a socket that stays open`, needs, async (page) => {
    const [socket] = page.run(file).sockets;
    assert.equal((await opened(socket)).data, '{"type":"pong"}');
    if (file === "auth-protocol.js") assert.equal(socket.protocol, `api-key.${API_KEY}`);
  });
}

sample("events.js hears of a new event", withKey, async (page) => {
  page.run("events.js");
  await page.called("log", "Connected to event stream");
  const [, event] = await page.called("log", "New security event:");
  assert.equal(event.id, event.event_id);
  assert.ok(["low", "medium", "high", "critical"].includes(event.risk_level));
  assert.ok(event.summary.length > 0 && event.batch_id.length > 0);
});

sample("system.js shows the figures of the box", withKey, async (page) => {
  page.run("system.js");
  const [gpu] = await page.called("updateGpuDashboard");
  assert.ok(gpu.memory_total > 0 && gpu.utilization >= 0);
  assert.equal(typeof (await page.called("updateQueueIndicator"))[0].pending, "number");
  assert.ok(["healthy", "degraded", "unhealthy"].includes((await page.called("updateHealthBadge"))[0]));
});

sample("detections.js sees detections without a gap", withKey, async (page) => {
  page.run("detections.js");
  await page.called("log", "Connected to detections stream");
  await page.called("log", "New detection: person on front_door");
  const [detection] = await page.called("updateLiveView");
  assert.ok(detection.bbox_width > 0 && detection.confidence <= 1);
  assert.deepEqual(page.calls.filter(({ name }) => name === "warn"), []);
});

for (const [file, hook, list] of [
  ["events-hook.tsx", "useEventStream", "events"],
  ["detections-hook.tsx", "useDetectionStream", "detections"],
]) {
  test(`${file} shows what it hears`, withKey, async () => {
    const shown = {};
    const heard = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("nothing was shown")), PATIENCE_MS);
      shown.rendered = (result) => {
        if (result[list].length === 0) return;
        clearTimeout(late);
        resolve(result);
      };
    });
    const { react, mount, unmount } = lifeOf((result) => shown.rendered(result));
    const page = new Page({ ...react, apiKey: API_KEY });
    try {
      page.run(file);
      mount(() => page.evaluate(`${hook}(apiKey)`));
      const { [list]: [first], connected, error } = await heard;
      assert.equal(first.camera_id, "front_door");
      assert.deepEqual([connected, error ?? null], [true, null]);
      unmount();
      assert.ok([WebSocket.CLOSING, WebSocket.CLOSED].includes(page.sockets[0].readyState));
    } finally {
      page.leave();
    }
  });
}

sample("job-logs.js ends when there is no such job", withKey, async (page) => {
  page.run("job-logs.js");
  await page.called("log", "Job logs stream closed");
});

sample("reconnecting.js comes back after a refusal and stays once it is let in", withKey, async (page) => {
  page.run("reconnecting.js");
  page.evaluate("var refused = new ReconnectingWebSocket('ws://localhost:8000/ws/events?api_key=x')");
  await page.called("log", "Reconnecting in 1000ms (attempt 1)");
  page.evaluate("refused.close()");
  const first = new Promise((resolve) => (page.context.heard = resolve));
  page.evaluate(
    "new ReconnectingWebSocket('ws://localhost:8000/ws/system?api_key=YOUR_KEY', { onMessage: heard })",
  );
  assert.equal((await first).type, "system_status");
});

test("analysis.js shows why an event was judged as it was", withKey, async () => {
  const headers = { Accept: "application/json", "X-API-Key": API_KEY };
  const list = await (await fetch(new URL("/api/events?limit=1", BOX), { headers })).json();
  const [event] = list.items;
  const page = new Page({ batchId: event.batch_id, cameraId: event.camera_id });
  page.run("analysis.js");
  const [result] = await page.called("displayFinalResult");
  assert.ok(result.risk_score >= 0 && result.reasoning.length > 0);
  const shown = page.calls.filter(({ name }) => name === "updateTypingIndicator");
  assert.equal(shown.at(-1).args[0], result.reasoning, "the parts add up to the whole");
});
