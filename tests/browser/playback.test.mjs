// A recording in Chromium, on a running appliance whose camera is recorded.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser, openDashboard } from "./page.mjs";

const SOON = { timeout: 60_000 };

test("what was recorded plays from where somebody clicks, and can be sought in", async () => {
  const browser = await openBrowser();
  const complaints = [];
  try {
    const page = await openDashboard(browser, complaints);
    await page.getByRole("button", { name: /^Recording of/ }).first().click(SOON);
    const dialog = page.locator("dialog[open]");
    await dialog.locator(".day-span").last().waitFor(SOON);
    const { spans } = await page.evaluate(async () => {
      const { items } = await (await fetch("/api/cameras")).json();
      return (await fetch(`/api/cameras/${items[0].id}/recording/spans`)).json();
    });
    const from = Date.parse(spans[0].start) + 1_500;
    await dialog.getByRole("slider").evaluate((slider, at) => {
      slider.value = String((at - new Date(at).setHours(0, 0, 0, 0)) / 1000);
      slider.dispatchEvent(new Event("change", { bubbles: true }));
    }, from);
    const video = dialog.locator("video");
    await video.waitFor(SOON);
    const element = await video.elementHandle();
    const reaches = (time) =>
      page.waitForFunction(([shown, wanted]) => shown.currentTime >= wanted && shown.videoWidth > 0, [element, time], SOON);
    await reaches(1);
    const length = await element.evaluate((shown) => shown.duration);
    assert.ok(length > 2 && length < 3_600, `it is ${length} s long`);
    await element.evaluate((shown) => shown.pause());
    await element.evaluate((shown) => void (shown.currentTime = 0));
    await page.waitForFunction((shown) => !shown.seeking && shown.currentTime < 0.5, element, SOON);
    await element.evaluate((shown) => void (shown.currentTime = shown.duration - 0.5));
    await page.waitForFunction((shown) => !shown.seeking && shown.readyState >= 2, element, SOON);
    await element.evaluate((shown) => shown.play());
    await page.waitForFunction((shown) => shown.ended, element, SOON);
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
});
