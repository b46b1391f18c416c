import assert from "node:assert/strict";
import { test } from "node:test";

import { EventsSocket, SystemSocket } from "../../../src/web/client/index.js";
import { fakeWebSockets, ManualTiming } from "./fakes.mjs";

function start(Socket = EventsSocket) {
  const timing = new ManualTiming();
  const WebSocket = fakeWebSockets();
  const socket = new Socket({ baseUrl: "http://box:8080", timing, WebSocket });
  const heard = { event: [], gap: [], state: [], status: [], service: [] };
  for (const name of Object.keys(heard)) socket.on(name, (payload) => heard[name].push(payload));
  socket.open();
  WebSocket.last.accept();
  const comesBack = () => {
    WebSocket.last.end(1006);
    timing.advance(1_000);
    WebSocket.last.accept();
  };
  return { socket, timing, WebSocket, heard, comesBack };
}

const event = (seq, place, more = {}) => ({
  type: "event",
  seq,
  cursor: `5f-${place}`,
  data: { id: place },
  ...more,
});
const replay = (seq, place) => event(seq, place, { replay: true });
const ack = (more = {}) => ({ type: "resync_ack", channel: "unknown", replayed_count: 0, ...more });
const ids = (heard) => heard.event.map(({ id }) => id);
const asked = (ws) => ws.sent.filter(({ type }) => type === "resync").map(({ data }) => data.cursor);

test("a first connection asks for nothing", () => {
  const { WebSocket, heard } = start();
  assert.deepEqual(asked(WebSocket.last), []);
  assert.deepEqual([heard.state.at(-1).reconnected, heard.state.at(-1).resuming], [false, false]);
});

test("a later connection goes on from the last message", () => {
  const { WebSocket, heard, comesBack } = start();
  WebSocket.last.say(event(1, 7));
  comesBack();
  assert.deepEqual(asked(WebSocket.last), ["5f-7"]);
  assert.deepEqual([heard.state.at(-1).reconnected, heard.state.at(-1).resuming], [true, true]);
  for (const message of [replay(1, 8), replay(2, 9), ack()]) WebSocket.last.say(message);
  assert.deepEqual([ids(heard), heard.gap], [[7, 8, 9], []]);
});

test("a heartbeat that has caught up moves the place to go on from", () => {
  const { WebSocket, comesBack } = start();
  WebSocket.last.say(event(1, 7));
  WebSocket.last.say({ type: "ping", lastSeq: 1, cursor: "5f-20" });
  comesBack();
  assert.deepEqual(asked(WebSocket.last), ["5f-20"]);
});

test("what came twice is heard once", () => {
  const { WebSocket, heard, comesBack } = start();
  WebSocket.last.say(event(1, 7));
  comesBack();
  for (const message of [event(1, 9), replay(2, 7), replay(3, 8), replay(4, 9), ack()]) {
    WebSocket.last.say(message);
  }
  assert.deepEqual(ids(heard), [7, 9, 8]);
});

test("a break in the middle of a replay goes on from the last message replayed", () => {
  const { WebSocket, heard, comesBack } = start();
  WebSocket.last.say(event(1, 1));
  comesBack();
  // Live, and later in the stream than what the replay has not brought yet.
  for (const message of [event(1, 9), replay(2, 2)]) WebSocket.last.say(message);
  comesBack();
  assert.deepEqual(asked(WebSocket.last), ["5f-2"]);
  for (const message of [replay(1, 3), replay(2, 9), ack()]) WebSocket.last.say(message);
  assert.deepEqual(ids(heard), [1, 9, 2, 3]);
  comesBack();
  assert.deepEqual(asked(WebSocket.last), ["5f-9"]);
});

test("a hole in the sequence is asked for, and told only when it is too old", () => {
  const { WebSocket, heard } = start();
  WebSocket.last.say(event(1, 1));
  WebSocket.last.say(event(4, 4));
  assert.deepEqual([asked(WebSocket.last), heard.gap], [["5f-1"], []]);
  for (const message of [replay(5, 3), replay(6, 4), ack({ gap_too_old: true })]) {
    WebSocket.last.say(message);
  }
  assert.deepEqual(ids(heard), [1, 4, 3]);
  assert.deepEqual(heard.gap, [{ expected: 2, missed: 2 }]);
});

test("a hole during a replay is asked for when that has ended", () => {
  const { WebSocket, heard, comesBack } = start();
  WebSocket.last.say(event(1, 1));
  comesBack();
  for (const message of [replay(1, 2), event(4, 6), ack()]) WebSocket.last.say(message);
  assert.deepEqual(asked(WebSocket.last), ["5f-1", "5f-2"]);
  for (const message of [replay(5, 4), replay(6, 5), replay(7, 6), ack()]) {
    WebSocket.last.say(message);
  }
  assert.deepEqual([ids(heard), heard.gap], [[1, 2, 6, 4, 5], []]);
});

test("a box that started anew is a gap, for what it was before is gone", () => {
  const { WebSocket, heard, comesBack } = start();
  WebSocket.last.say(event(1, 7));
  comesBack();
  WebSocket.last.say(ack({ gap_too_old: true, oldest_available: "6a-1" }));
  assert.deepEqual(heard.gap, [{ expected: null, missed: null }]);
});

test("a box that refuses to replay is a gap as well", () => {
  const { WebSocket, heard, comesBack } = start();
  WebSocket.last.say(event(1, 7));
  comesBack();
  const details = { example: { type: "resync", data: {} } };
  WebSocket.last.say({ type: "error", error: "validation_error", message: "no", details });
  assert.equal(heard.gap.length, 1);
});

test("patterns hold on later connections, before anything is replayed", () => {
  const { socket, WebSocket, comesBack } = start();
  socket.subscribe(["alert.*"]);
  WebSocket.last.say(event(1, 7));
  comesBack();
  assert.deepEqual(
    WebSocket.last.sent.map(({ type }) => type),
    ["subscribe", "resync"],
  );
  WebSocket.last.say(ack());
  socket.unsubscribe();
  comesBack();
  assert.deepEqual(
    WebSocket.last.sent.map(({ type }) => type),
    ["resync"],
  );
});

test("figures of the past are not shown, changes of components are", () => {
  const { WebSocket, heard, comesBack } = start(SystemSocket);
  const figures = (seq, place, more) => ({ ...event(seq, place, more), type: "system_status" });
  WebSocket.last.say(figures(1, 7));
  comesBack();
  WebSocket.last.say(figures(1, 9));
  WebSocket.last.say(figures(2, 8, { replay: true }));
  WebSocket.last.say({ ...replay(3, 9), type: "service_status" });
  assert.deepEqual([heard.status.length, heard.service.length], [2, 1]);
});

test("a flood is remembered within bounds and still not doubled", () => {
  const { WebSocket, heard, comesBack } = start();
  for (let n = 1; n <= 5_000; n += 1) WebSocket.last.say(event(n, n));
  comesBack();
  WebSocket.last.say(replay(1, 5_000));
  assert.equal(heard.event.length, 5_000);
});
