// The dashboard in Chromium, on a running appliance whose cameras see objects
// from time to time (the footage does). Every wait is for something to happen,
// with a deadline.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { baseUrl, openBrowser, openDashboard } from "./page.mjs";

/** The first picture and the first figures, milliseconds. */
const SOON = { timeout: 30_000 };
/** The footage must bring its next object within this. */
const NEXT_EVENT = { timeout: 120_000 };

const complaints = [];
let browser;
let page;

before(async () => {
  baseUrl();
  browser = await openBrowser();
  page = await openDashboard(browser, complaints);
});

after(() => browser?.close());

/** The ids of the events in the list, newest first. */
const eventIds = () =>
  page.locator("[data-event]").evaluateAll((cards) => cards.map(({ dataset }) => Number(dataset.event)));

test("a camera tile shows a picture that moves", async () => {
  await page.locator('.tile[data-live="true"]').first().waitFor(SOON);
  const canvas = page.locator('.tile[data-live="true"] canvas').first();
  const [width, height] = await canvas.evaluate((picture) => [picture.width, picture.height]);
  assert.ok(width > 100 && height > 100, `the picture is ${width} x ${height}`);
  const before = await canvas.evaluate((picture) => picture.toDataURL("image/png"));
  await page.waitForFunction(
    ([picture, old]) => picture.toDataURL("image/png") !== old,
    [await canvas.elementHandle(), before],
    SOON,
  );
});

test("the top line says that what is shown is live, and how the box is", async () => {
  await page.locator('.link[data-link="live"]').waitFor(SOON);
  await page.locator("details.health").waitFor(SOON);
  const words = await page.locator("details.health .health-words").innerText();
  assert.match(words, /All is well|Needs attention|Not working/);
  await page.locator("details.health summary").click();
  assert.ok((await page.locator(".services li").count()) > 0, "no component is listed");
  await page.locator("details.health summary").click();
});

test("an event appears as it happens, with picture, class, risk and reason", async () => {
  await page.locator(".events [aria-busy=false]").waitFor(SOON);
  const known = await eventIds();
  await page.waitForFunction(
    (newest) => Number(document.querySelector("[data-event]")?.dataset.event ?? 0) > newest,
    Math.max(0, ...known),
    NEXT_EVENT,
  );
  const [id] = await eventIds();
  const card = page.locator(`[data-event="${id}"]`);
  await page.waitForFunction(
    (event) => document.querySelector(`[data-event="${event}"] img`)?.naturalWidth > 0,
    id,
    SOON,
  );
  assert.match(await card.locator("h3").innerText(), /\w{2,}/);
  assert.match(await card.locator(".risk").innerText(), /^\d{1,3} (low|medium|high|critical)$/);
  assert.match(await card.locator(".summary").innerText(), /\w{3,}/);
  assert.match(await card.locator(".reasoning").innerText(), /\w{3,}/);
  assert.match((await card.locator("time").getAttribute("title")) ?? "", /UTC$/);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
});

test("an event opens in full, with its snapshot and detections", async () => {
  await page.locator(".card:has(img) .card-open").first().click();
  const dialog = page.locator("dialog.event-dialog[open]");
  await dialog.waitFor(SOON);
  await page.waitForFunction(
    () => document.querySelector("dialog .snapshot img")?.naturalWidth > 0,
    null,
    SOON,
  );
  await dialog.locator(".detections li").first().waitFor(SOON);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached", ...SOON });
});

test("a reviewed event stays reviewed, and all events are there after a reload", async () => {
  // One that has ended: nothing but this click changes it any more.
  const ended = page.locator("[data-event]:not(:has(.ongoing))").first();
  await ended.waitFor(NEXT_EVENT);
  const before = await eventIds();
  const id = await ended.getAttribute("data-event");
  const review = page.locator(`[data-event="${id}"] .review`);
  if ((await review.getAttribute("aria-pressed")) !== "true") await review.click();
  await page.locator(`[data-event="${id}"] .review[aria-pressed="true"]`).waitFor(SOON);
  await page.reload();
  await page.locator(`[data-event="${id}"] .review[aria-pressed="true"]`).waitFor(SOON);
  const after = await eventIds();
  // The reload shows one page; what came live may have made the list longer.
  for (const old of before.slice(0, 10)) assert.ok(after.includes(old), `event ${old} is gone`);
});

test("filters narrow the list to what was chosen", async () => {
  await page.getByLabel("Risk", { exact: true }).selectOption("critical");
  await page.waitForFunction(
    () =>
      document.querySelector(".event-list")?.getAttribute("aria-busy") === "false" &&
      [...document.querySelectorAll("[data-event]")].every(({ dataset }) => dataset.level === "critical"),
    null,
    SOON,
  );
  await page.getByLabel("Risk", { exact: true }).selectOption("");
  await page.locator("[data-event]").first().waitFor(SOON);
});

test("on a phone nothing has to be scrolled sideways", async () => {
  const phone = await openDashboard(browser, complaints, { width: 360, height: 740 });
  await phone.locator('.tile[data-live="true"]').first().waitFor(SOON);
  await phone.locator("[data-event]").first().waitFor(SOON);
  const sideways = () => document.documentElement.scrollWidth - window.innerWidth;
  assert.ok((await phone.evaluate(sideways)) <= 0, "the page is wider than the phone");
  await phone.locator(".card-open").first().click();
  await phone.locator("dialog.event-dialog[open]").waitFor(SOON);
  assert.ok((await phone.evaluate(sideways)) <= 0, "the dialog is wider than the phone");
  await phone.close();
});

test("the page stays quiet and asks nobody but the appliance", () => {
  assert.deepEqual(complaints, []);
});
