import assert from "node:assert/strict";
import { test } from "node:test";

import { DetectionsSocket, EventsSocket, JobLogSocket, SystemSocket } from "../../../src/web/client/index.js";
import { reconnectDelay } from "../../../src/web/client/timing.js";
import { fakeWebSockets, ManualTiming } from "./fakes.mjs";

function start(Socket = EventsSocket, options = {}) {
  const timing = new ManualTiming();
  const WebSocket = fakeWebSockets();
  const socket = new Socket({ baseUrl: "http://box:8080", timing, WebSocket, ...options });
  const heard = [];
  for (const name of ["state", "gap", "event", "event-updated", "detection", "status", "refused"]) {
    socket.on(name, (payload) => heard.push([name, payload]));
  }
  return { socket: socket.open(), timing, WebSocket, heard };
}

const named = (heard, name) => heard.filter(([of]) => of === name).map(([, payload]) => payload);

test("waits 1 s, doubling to 30 s, between attempts", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 60].map((failures) => reconnectDelay(failures, 0.5));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test("varies the wait by a quarter in both directions", () => {
  assert.deepEqual([reconnectDelay(1, 0), reconnectDelay(1, 1)], [750, 1250]);
});

test("comes back after an idle close, which the contract's sample takes as final", () => {
  const { timing, WebSocket } = start();
  WebSocket.last.accept();
  WebSocket.last.end(1000, "Idle timeout");
  timing.advance(999);
  assert.equal(WebSocket.made.length, 1);
  timing.advance(1);
  assert.equal(WebSocket.made.length, 2);
});

test("a refused key backs off although each handshake succeeds", () => {
  const { timing, WebSocket, heard } = start();
  for (const wait of [1000, 2000, 4000]) {
    WebSocket.last.accept();
    WebSocket.last.end(1008, "authentication failed");
    timing.advance(wait);
  }
  assert.equal(WebSocket.made.length, 4);
  assert.equal(named(heard, "state").find(({ state }) => state === "waiting").code, 1008);
});

test("a message ends the backing off", () => {
  const { timing, WebSocket } = start();
  WebSocket.last.end(1006);
  timing.advance(1000);
  WebSocket.last.end(1006);
  timing.advance(2000);
  WebSocket.last.accept();
  WebSocket.last.say({ type: "ping", lastSeq: 0 });
  WebSocket.last.end(1006);
  timing.advance(1000);
  assert.equal(WebSocket.made.length, 4);
});

test("a handshake without an answer is given up after 10 s", () => {
  const { timing, WebSocket } = start();
  timing.advance(10_000 + 1_000);
  assert.equal(WebSocket.made.length, 2);
  assert.ok(WebSocket.made[0].wasClosed);
});

test("a socket that went silent is replaced although nothing closed it", () => {
  const { timing, WebSocket, heard } = start();
  WebSocket.last.accept();
  timing.advance(75_000);
  assert.equal(named(heard, "state").at(-1).reason, "the box went silent");
  timing.advance(1_000);
  assert.equal(WebSocket.made.length, 2);
});

test("a system socket without figures for 20 s is dead", () => {
  const { timing, WebSocket, heard } = start(SystemSocket);
  WebSocket.last.accept();
  WebSocket.last.say({ type: "system_status", data: { health: "healthy" } });
  timing.advance(19_999);
  assert.equal(named(heard, "state").at(-1).state, "open");
  timing.advance(1);
  assert.equal(named(heard, "state").at(-1).state, "waiting");
});

test("pings every 60 s and answers the server's ping", () => {
  const { timing, WebSocket } = start();
  WebSocket.last.accept();
  WebSocket.last.say({ type: "ping", lastSeq: 0 });
  timing.advance(60_000);
  WebSocket.last.say({ type: "pong" });
  timing.advance(60_000);
  assert.deepEqual(
    WebSocket.last.sent.map(({ type }) => type),
    ["pong", "ping", "ping"],
  );
});

test("a hole in the sequence is told once, with its size", () => {
  const { WebSocket, heard } = start(DetectionsSocket);
  WebSocket.last.accept();
  for (const seq of [1, 2, 6, 7]) WebSocket.last.say({ type: "detection", seq, data: { id: seq } });
  assert.deepEqual(named(heard, "gap"), [{ expected: 3, missed: 3 }]);
  assert.equal(named(heard, "detection").length, 4);
});

test("a heartbeat reveals messages that never came", () => {
  const { WebSocket, heard } = start(DetectionsSocket);
  WebSocket.last.accept();
  WebSocket.last.say({ type: "detection", seq: 1, data: {} });
  WebSocket.last.say({ type: "ping", lastSeq: 1 });
  WebSocket.last.say({ type: "ping", lastSeq: 4 });
  WebSocket.last.say({ type: "ping", lastSeq: 4 });
  assert.deepEqual(named(heard, "gap"), [{ expected: 2, missed: 3 }]);
});

test("the sequence begins anew with each connection, which says that it is a later one", () => {
  const { timing, WebSocket, heard } = start();
  WebSocket.last.accept();
  WebSocket.last.say({ type: "event", seq: 1, data: { id: 1 } });
  WebSocket.last.end(1006);
  timing.advance(1_000);
  WebSocket.last.accept();
  WebSocket.last.say({ type: "event", seq: 1, data: { id: 2 } });
  assert.deepEqual(named(heard, "gap"), []);
  const opened = named(heard, "state").filter(({ state }) => state === "open");
  assert.deepEqual(opened.map(({ reconnected }) => reconnected), [false, true]);
});

test("garbage is survived, and errors of the server are told apart from messages", () => {
  const { WebSocket, heard } = start();
  WebSocket.last.accept();
  for (const text of ["", "{", "[1]", "null", "7", '"x"', "x".repeat(2 << 20)]) WebSocket.last.say(text);
  WebSocket.last.say({ type: "error", error: "validation_error", message: "no patterns" });
  WebSocket.last.say({ type: "event.updated", seq: 1, data: { id: 9, risk_score: 80 } });
  assert.equal(named(heard, "refused")[0].message, "no patterns");
  assert.deepEqual(named(heard, "event-updated"), [{ id: 9, risk_score: 80 }]);
});

test("the age of the last message grows while nothing comes", () => {
  const { socket, timing, WebSocket } = start();
  assert.equal(socket.messageAgeMs(), null);
  WebSocket.last.accept();
  timing.advance(4_000);
  assert.equal(socket.messageAgeMs(), 4_000);
  WebSocket.last.say({ type: "pong" });
  assert.equal(socket.messageAgeMs(), 0);
});

test("the key travels as a subprotocol, never in the address", () => {
  const { WebSocket } = start(EventsSocket, { apiKey: "sixteen-characters" });
  assert.equal(WebSocket.last.url, "ws://box:8080/ws/events");
  assert.deepEqual(WebSocket.last.protocols, ["api-key.sixteen-characters"]);
});

test("a closed socket stays closed and may be opened again", () => {
  const { socket, timing, WebSocket } = start();
  WebSocket.last.accept();
  socket.close();
  timing.advance(600_000);
  assert.equal(WebSocket.made.length, 1);
  assert.ok(WebSocket.last.wasClosed);
  socket.open();
  assert.equal(WebSocket.made.length, 2);
});

test("the log of a job ends with the job and comes back after a break", () => {
  const timing = new ManualTiming();
  const WebSocket = fakeWebSockets();
  const socket = new JobLogSocket("a/b", { baseUrl: "http://box:8080", timing, WebSocket }).open();
  const lines = [];
  socket.on("log", ({ message }) => lines.push(message));
  assert.equal(WebSocket.last.url, "ws://box:8080/ws/jobs/a%2Fb/logs");
  WebSocket.last.accept();
  WebSocket.last.say({ type: "log", seq: 1, data: { level: "INFO", message: "half done" } });
  WebSocket.last.end(1006);
  timing.advance(1_000);
  WebSocket.last.accept();
  WebSocket.last.say({ type: "log", seq: 1, data: { level: "INFO", message: "done" } });
  WebSocket.last.end(1000, "the job has ended");
  timing.advance(600_000);
  assert.deepEqual([WebSocket.made.length, socket.state, lines], [2, "closed", ["half done", "done"]]);
});

test("alerts are told by what became of them", () => {
  const { socket, WebSocket } = start();
  const heard = [];
  for (const name of ["alert", "alert-updated", "scene-change"]) socket.on(name, () => heard.push(name));
  WebSocket.last.accept();
  ["alert_created", "alert_acknowledged", "alert_dismissed", "scene_change"].forEach((type, at) =>
    WebSocket.last.say({ type, seq: at + 1, data: {} }),
  );
  assert.deepEqual(heard, ["alert", "alert-updated", "alert-updated", "scene-change"]);
});
