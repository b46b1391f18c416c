// What the dashboard shows when things go wrong: never an old picture or an old
// word that looks live. In Chromium, against a stand-in for the appliance.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { FakeBox } from "./fake-box.mjs";
import { openBrowser } from "./page.mjs";

/** The dashboard must have noticed by then, milliseconds. */
const NOTICED = { timeout: 30_000 };

let browser;
let box;
let page;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

beforeEach(async () => {
  box = await new FakeBox().start();
  page = await browser.newPage();
});

afterEach(async () => {
  await page.close();
  await box.stop();
});

const open = () => page.goto(box.url);
const isLive = () => page.locator('.tile[data-live="true"]').first().waitFor(NOTICED);

const SEEN = {
  id: 7,
  revision: 0,
  camera_id: "front_door",
  risk_score: 40,
  risk_level: "medium",
  summary: "A person walked past.",
  reasoning: "Person: +40.",
  object_type: "person",
  confidence: 0.8,
  started_at: "2026-11-22T10:00:00.000Z",
};

test("a frozen stream turns its last picture gray and says since when", async () => {
  await open();
  await isLive();
  box.isFrozen = true;
  await page.locator('.tile[data-live="false"] .trouble').waitFor(NOTICED);
  assert.match(await page.locator(".trouble").innerText(), /No picture for \d+ s/);
  assert.equal(await page.locator(".badge").innerText(), "no picture");
  box.isFrozen = false;
  await isLive();
});

test("a camera that is down says why, and no stream is asked for", async () => {
  box.cameras[0] = { ...box.cameras[0], connected: false, status: "offline", reason: "no route to 192.0.2.7" };
  await open();
  await page.locator(".trouble", { hasText: "No route to 192.0.2.7." }).waitFor(NOTICED);
  assert.equal(box.streamsOpen, 0);
});

test("figures that stop coming on an open socket mean that the connection is lost", async () => {
  await open();
  await page.locator('.link[data-link="live"]').waitFor(NOTICED);
  box.isSilent = true;
  await page.locator('.link[data-link="lost"]', { hasText: "Connection lost, showing old data" }).waitFor(NOTICED);
  assert.match(await page.locator(".health-words").innerText(), /^Last known:/);
});

test("the dashboard comes back with the box by itself", async () => {
  await open();
  await isLive();
  const port = new URL(box.url).port;
  await box.stop();
  await page.locator('.link[data-link="lost"]').waitFor(NOTICED);
  await page.locator('.tile[data-live="false"]').waitFor(NOTICED);
  box.events = [SEEN];
  await box.start(Number(port));
  await page.locator('.link[data-link="live"]').waitFor(NOTICED);
  await isLive();
  // What happened meanwhile was asked for.
  await page.locator('[data-event="7"]').waitFor(NOTICED);
});

test("an event is changed in place when its revision comes, and an older one is ignored", async () => {
  await open();
  await page.locator('.link[data-link="live"]').waitFor(NOTICED);
  box.say("/ws/events", { type: "event", seq: 1, data: SEEN });
  await page.locator('[data-event="7"][data-level="medium"]').waitFor(NOTICED);
  const later = { ...SEEN, revision: 2, risk_score: 90, risk_level: "critical", ended_at: "2026-11-22T10:00:09.000Z" };
  box.say("/ws/events", { type: "event.updated", seq: 2, data: later });
  await page.locator('[data-event="7"][data-level="critical"]', { hasText: "9 s" }).waitFor(NOTICED);
  box.say("/ws/events", { type: "event.updated", seq: 3, data: { ...SEEN, revision: 1 } });
  box.say("/ws/events", { type: "event", seq: 4, data: { ...SEEN, id: 8 } });
  await page.locator('[data-event="8"]').waitFor(NOTICED);
  assert.equal(await page.locator('[data-event="7"]').getAttribute("data-level"), "critical");
});

test("text from outside is shown as text", async () => {
  box.events = [{ ...SEEN, summary: '<img src=x onerror="document.title=1">', object_type: "x".repeat(200) }];
  await page.setViewportSize({ width: 320, height: 700 });
  await open();
  await page.locator('[data-event="7"]', { hasText: "<img src=x" }).waitFor(NOTICED);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.deepEqual([await page.title(), sideways <= 0], ["Watchpost", true]);
});

test("six cameras leave connections free for everything else", async () => {
  const [camera] = box.cameras;
  box.cameras = [1, 2, 3, 4, 5, 6].map((n) => ({ ...camera, id: `camera_${n}`, name: `Camera ${n}` }));
  await page.setViewportSize({ width: 1920, height: 1400 });
  await open();
  await page.waitForFunction(() => document.querySelectorAll('.tile[data-live="true"]').length === 6, null, NOTICED);
  assert.equal(box.streamsOpen, 3);
});

test("a box with keys asks for one, says when it is wrong, and remembers the right one", async () => {
  box.key = "a-key-of-sixteen-or-more";
  await open();
  await page.locator("#key").fill("wrong");
  await page.keyboard.press("Enter");
  await page.locator(".refused").waitFor(NOTICED);
  await page.locator("#key").fill(box.key);
  await page.keyboard.press("Enter");
  await isLive();
  await page.reload();
  await isLive();
});
