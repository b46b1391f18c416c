import assert from "node:assert/strict";
import { test } from "node:test";

import { ALERTS_MAX, fromPage, withAlert } from "../../../src/web/app/alert-list.js";
import { EVENTS_MAX, NO_FILTERS, withLive, withNewest, withOlder } from "../../../src/web/app/event-list.js";
import { Api } from "../../../src/web/client/index.js";
import { dayName, duration, span, title } from "../../../src/web/app/format.js";
import { healthFrom, withService } from "../../../src/web/app/health.js";
import { addDays, nextAt, positionOf, stretchAt } from "../../../src/web/app/recording-day.js";
import { ruleFrom, wordsFor } from "../../../src/web/app/rule-dialog.js";
import { Slots, Watching } from "../../../src/web/app/stream-slots.js";

const at = (n) => new Date(Date.UTC(2026, 10, 22, 12, 0, 0) + n * 1000).toISOString();
const event = (id, more = {}) => ({
  id,
  camera_id: "front_door",
  risk_level: "low",
  object_type: "person",
  revision: 0,
  started_at: at(id),
  ...more,
});
const list = (ids, cursor = null) => ({ items: ids.map((id) => event(id)), cursor });
const ids = ({ items }) => items.map(({ id }) => id);

test("a new event goes on top and a revision changes its entry in place", () => {
  const one = withLive(list([2, 1]), event(3), NO_FILTERS);
  const two = withLive(one, event(2, { revision: 1, risk_score: 80 }), NO_FILTERS);
  assert.deepEqual(ids(two), [3, 2, 1]);
  assert.equal(two.items[1].risk_score, 80);
});

test("a revision older than the one held changes nothing", () => {
  const held = { items: [event(1, { revision: 5, summary: "new" })], cursor: null };
  assert.equal(withLive(held, event(1, { revision: 4, summary: "old" }), NO_FILTERS), held);
});

test("an event enters and leaves a filtered list as its risk changes", () => {
  const filters = { ...NO_FILTERS, level: "high" };
  const empty = withLive(list([]), event(1), filters);
  const entered = withLive(empty, event(1, { revision: 1, risk_level: "high" }), filters);
  const left = withLive(entered, event(1, { revision: 2, risk_level: "critical" }), filters);
  assert.deepEqual([ids(empty), ids(entered), ids(left)], [[], [1], []]);
});

test("a change of an event that was not loaded yet stays out", () => {
  assert.deepEqual(ids(withLive(list([9, 8], "c"), event(3, { revision: 7 }), NO_FILTERS)), [9, 8]);
  assert.deepEqual(ids(withLive(list([9, 8]), { id: 3, reviewed: true }, NO_FILTERS)), [9, 8]);
});

test("after a short break the newest page is joined, and paging goes on where it was", () => {
  const joined = withNewest(list([5, 4, 3, 2], "after 2"), list([7, 6, 5], "after 5"));
  assert.deepEqual([ids(joined), joined.cursor], [[7, 6, 5, 4, 3, 2], "after 2"]);
});

test("after a long break the newest page begins the list anew, without a hole", () => {
  const page = list([99, 98], "after 98");
  assert.equal(withNewest(list([5, 4], "after 4"), page), page);
});

test("a live event that came before the first page does not end the paging", () => {
  const first = withNewest(list([5]), list([5, 4, 3], "after 3"));
  assert.deepEqual([ids(first), first.cursor], [[5, 4, 3], "after 3"]);
});

test("the list is bounded, and says that there is no further page", () => {
  const full = list(Array.from({ length: EVENTS_MAX }, (_, n) => 2 * EVENTS_MAX - n), "c");
  const more = withOlder(full, list([3, 2, 1], "d"));
  assert.deepEqual([more.items.length, more.cursor], [EVENTS_MAX, null]);
});

test("spans read as people say them", () => {
  const spans = [0, 8_400, 60_000, 200_000, 3_540_000, 7_500_000, 86_400_000, 200_000_000].map(span);
  assert.deepEqual(spans, ["0 s", "8 s", "1 min", "3 min 20 s", "59 min", "2 h 5 min", "1 day", "2 days"]);
});

test("an event that goes on lasts until now", () => {
  assert.equal(duration(event(0), Date.parse(at(14))), "14 s");
  assert.equal(duration(event(0, { ended_at: at(3) }), Date.parse(at(14))), "3 s");
});

test("days are named from the viewer's today", () => {
  const now = new Date(2026, 10, 22, 0, 5);
  const names = [0, 10, 1446].map((minutes) => dayName(new Date(now - minutes * 60_000).toISOString(), now));
  assert.deepEqual(names.slice(0, 2), ["Today", "Yesterday"]);
  assert.ok(!["Today", "Yesterday"].includes(names[2]));
  assert.equal(dayName("nonsense", now), "Unknown day");
});

test("classes read as words", () => {
  assert.deepEqual([title("cell_phone"), title(undefined)], ["Cell phone", "Object"]);
});

test("the worst component comes first, with its next step", () => {
  const health = healthFrom({
    status: "unhealthy",
    services: {
      api: { status: "healthy", message: "listening" },
      store: { status: "unhealthy", message: "full", details: { next_step: "free space" } },
      detector: { status: "degraded", message: "slow" },
    },
  });
  assert.deepEqual(health.services.map(({ name }) => name), ["store", "detector", "api"]);
  assert.equal(health.services[0].nextStep, "free space");
});

test("a message about a component replaces what was known of it", () => {
  const before = healthFrom({ status: "healthy", services: { store: { status: "healthy", message: "ok" } } });
  const news = { service: "store", status: "unhealthy", state: "degraded", message: "slow", next_step: "wait" };
  assert.deepEqual(withService(before, news).services, [
    { name: "store", status: "degraded", message: "slow", nextStep: "wait" },
  ]);
});

test("tiles beyond the free streams show stills, and the longest waiting gets the next stream", () => {
  const slots = new Slots(2);
  const showing = {};
  const view = (name, what) => ({
    open: () => (showing[name] = what),
    close: () => showing[name] === what && delete showing[name],
  });
  const tiles = ["a", "b", "c", "d"].map(
    (name) => new Watching(slots, { live: view(name, "stream"), still: view(name, "still") }),
  );
  tiles.forEach((tile) => tile.begin());
  assert.deepEqual(showing, { a: "stream", b: "stream", c: "still", d: "still" });
  tiles[3].end();
  tiles[0].end();
  tiles[0].begin();
  assert.deepEqual(showing, { b: "stream", c: "stream", a: "still" });
});

/** @param {number} id @param {object} [fields] */
function alert(id, fields = {}) {
  const at = `2026-01-15T10:00:0${id}.000Z`;
  return {
    id: String(id), event_id: id, severity: "high", status: "pending", created_at: at, updated_at: at,
    ...fields,
  };
}

const alertIds = (/** @type {any[]} */ list) => list.map(({ id }) => id).join();

test("an alert stays on top until somebody has seen it, and old news do not bring it back", () => {
  const list = [alert(1), alert(2)].reduce(withAlert, []);
  assert.equal(alertIds(list), "2,1");
  const seen = alert(2, { status: "acknowledged", updated_at: "2026-01-15T10:01:00.000Z" });
  assert.equal(alertIds(withAlert(list, seen)), "1");
  const worse = alert(1, { severity: "critical", updated_at: "2026-01-15T10:01:00.000Z" });
  assert.equal(withAlert(list, worse)[1].severity, "critical");
  assert.equal(withAlert(withAlert(list, worse), alert(1))[1].severity, "critical");
});

test("alerts that others have closed meanwhile go, and those that came meanwhile stay", () => {
  assert.equal(alertIds(fromPage([], [])), "");
  assert.equal(alertIds(fromPage([alert(2), alert(1)], [alert(3)])), "3,2,1");
  assert.equal(fromPage(Array.from({ length: 80 }, (_, n) => ({ ...alert(1), id: `a${n}` })), []).length, ALERTS_MAX);
});

test("a form makes the rule that it shows", () => {
  const form = new FormData();
  form.set("name", " Porch ");
  form.set("risk", "0");
  form.set("label", "person");
  form.set("cooldown", "0.5");
  form.set("start", "22:00");
  form.set("motion", "0");
  const rule = ruleFrom(form);
  assert.deepEqual([rule.name, rule.risk_threshold, rule.object_types], ["Porch", 0, ["person"]]);
  assert.deepEqual([rule.camera_ids, rule.severity, rule.cooldown_seconds], [[], null, 30]);
  assert.deepEqual([rule.schedule?.start_time, rule.schedule?.end_time], ["22:00", null]);
  assert.deepEqual(rule.motion_sensor, { within_seconds: 0 });
});

test("changing a rule keeps what the form does not show", () => {
  const rule = {
    id: "1", name: "a", enabled: true, severity: null, risk_threshold: null, object_types: ["person", "dog"],
    camera_ids: ["yard"], zone_ids: [], cooldown_seconds: 60,
    schedule: { days: ["friday"], start_time: "22:00", end_time: null, timezone: "Europe/Berlin" },
    motion_sensor: { within_seconds: 30 },
  };
  const form = new FormData();
  form.set("name", "b");
  form.set("label", "*");
  form.set("zone", "porch, drive ,");
  form.set("cooldown", "1");
  const changed = ruleFrom(form, rule);
  assert.deepEqual([changed.object_types, changed.camera_ids, changed.zone_ids], [["person", "dog"], [], ["porch", "drive"]]);
  assert.equal(changed.motion_sensor, null, "the field is empty");
  assert.deepEqual(changed.schedule, { days: ["friday"], start_time: null, end_time: null, timezone: "Europe/Berlin" });
});

test("a rule says in words what it asks for", () => {
  const rule = {
    id: "1", name: "a", enabled: true, severity: null, risk_threshold: /** @type {number | null} */ (null),
    object_types: /** @type {string[]} */ ([]), camera_ids: [], zone_ids: [], schedule: null, cooldown_seconds: 0,
    motion_sensor: null,
  };
  assert.equal(wordsFor(rule), "every event");
  const schedule = { days: ["friday"], start_time: "22:00", end_time: null, timezone: "UTC" };
  const asking = { ...rule, risk_threshold: 60, object_types: ["person", "dog"], zone_ids: ["porch"], schedule };
  const guarded = { ...asking, motion_sensor: { within_seconds: 30 } };
  assert.equal(wordsFor(asking), "risk from 60, person or dog, in porch, Fri 22:00 to 23:59");
  assert.equal(wordsFor(guarded), `${wordsFor(asking)}, motion sensor within 30 s`);
});

test("a click on a recorded day plays to the end of the stretch, and a gap means what comes next", () => {
  const time = (n) => Date.parse(at(n));
  const spans = [[0, 60], [300, 9_000]].map(([start, end]) => ({ start: at(start), end: at(end) }));
  assert.deepEqual(stretchAt(spans, time(20)), { from: time(20), until: time(60) });
  assert.deepEqual(stretchAt(spans, time(60)), { from: time(300), until: time(300 + 3_600) });
  assert.equal(stretchAt(spans, time(9_000)), null);
  assert.equal(stretchAt(spans, time(-601)), null, "far from anything");
  assert.equal(nextAt(spans, time(60)), time(300));
  assert.equal(nextAt(spans, time(3_900)), time(3_900), "the next hour");
  assert.equal(nextAt(spans, time(9_000)), null);
});

test("a day goes from midnight to midnight where the viewer is", () => {
  const day = addDays(Date.parse(at(0)), 0);
  assert.equal(new Date(day).getHours(), 0);
  assert.equal(addDays(addDays(day, 1), -1), day);
  assert.equal(positionOf(day, day, addDays(day, 1)), 0);
  assert.equal(positionOf(addDays(day, 2), day, addDays(day, 1)), 1);
});

test("a clip that grows is played as long as it is when somebody asks", async () => {
  const asked = [];
  const fetch = async (url, { headers }) => {
    asked.push([new URL(url).pathname, new Headers(headers).get("Range")]);
    return new Response("x", { status: 206, headers: { "Clip-Length-Ms": "12000" } });
  };
  const api = new Api({ baseUrl: "http://box", apiKey: "secret", fetch });
  const url = new URL(await api.growingClipUrl(7));
  assert.deepEqual(asked, [["/api/events/7/clip", "bytes=0-0"]]);
  assert.deepEqual([...url.searchParams], [["length_ms", "12000"], ["api_key", "secret"]]);
});
