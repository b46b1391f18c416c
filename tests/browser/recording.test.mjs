// A day of a camera's recording, in Chromium, on a stand-in for the box.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeBox } from "./fake-box.mjs";
import { openBrowser } from "./page.mjs";

const CAMERA = "/api/cameras/front_door";
const SOON = { timeout: 60_000 };
const HOUR = 3_600_000;

/** A box that recorded its camera from 1:00 to 2:00 and from 3:00 to 3:30 today. */
function recordingBox() {
  const box = new FakeBox();
  const day = new Date().setHours(0, 0, 0, 0);
  const at = (hours) => new Date(day + hours * HOUR).toISOString();
  const spans = [[1, 2], [3, 3.5]].map(([start, end]) => ({ start: at(start), end: at(end) }));
  box.cameras[0].recording = "no_video";
  box.events = [
    { id: 7, camera_id: "front_door", risk_level: "high", risk_score: 70, summary: "Somebody came.",
      object_type: "person", started_at: at(3.25), ended_at: at(3.26) },
  ];
  box.controls.set(`GET ${CAMERA}/recording/spans`, () => [200, { spans }]);
  return { box, at };
}

test("a day shows what is recorded and where events lie, and a click asks for it", async () => {
  const { box, at } = recordingBox();
  await box.start();
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const complaints = [];
    const asked = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      const { pathname, searchParams } = new URL(request.url());
      if (pathname === `${CAMERA}/recording`) asked.push([searchParams.get("start"), searchParams.get("end")]);
    });
    // Midnight must not come in between.
    await page.clock.setFixedTime(at(12));
    await page.goto(box.url);
    await page.getByRole("button", { name: "Recording of Front door" }).click(SOON);
    const dialog = page.locator("dialog[open]");
    await dialog.locator(".day-span").nth(1).waitFor(SOON);
    const [track, first] = await Promise.all(
      [".day-track", ".day-span"].map((part) => dialog.locator(part).first().boundingBox()),
    );
    assert.ok(Math.abs((first.x - track.x) / track.width - 1 / 24) < 0.01, "it begins at one o'clock");
    assert.ok(Math.abs(first.width / track.width - 1 / 24) < 0.01, "it is an hour long");
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

    await dialog.getByRole("button", { name: /^Person/ }).click(SOON);
    await dialog.getByText("there is nothing here", { exact: false }).waitFor(SOON);
    const before = new Date(Date.parse(at(3.25)) - 3_000).toISOString();
    assert.deepEqual(asked.at(-1), [before, at(3.5)], "from before the event to the end");

    await dialog.getByRole("slider").click({ position: { x: track.width / 16, y: 5 }, ...SOON });
    while (asked.at(-1)[1] !== at(2)) await page.waitForRequest(/recording\?/, SOON);
    assert.ok(Math.abs(Date.parse(asked.at(-1)[0]) - Date.parse(at(1.5))) < HOUR / 4, "about half past one");

    await dialog.getByRole("button", { name: "Day before" }).click(SOON);
    await dialog.getByText("Yesterday").waitFor(SOON);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached", ...SOON });
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await box.stop();
  }
});
