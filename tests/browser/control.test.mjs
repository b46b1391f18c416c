// A camera in the hand, in Chromium, on a stand-in for the box.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeBox } from "./fake-box.mjs";
import { openBrowser } from "./page.mjs";

const CAMERA = "/api/cameras/front_door";
const SOON = { timeout: 60_000 };

/** A box whose camera can be set to two sensitivities, and counts its shots. */
function photographersBox() {
  const box = new FakeBox();
  const camera = { connected: true, iso: "0x64", shots: 0 };
  const choices = [["0x64", "100"], ["0x190", "400"]].map(([hex_value, formatted]) => ({ hex_value, formatted }));
  const properties = () => ({
    iso: {
      current_hex_value: camera.iso,
      current_formatted: camera.iso === "0x64" ? "100" : "400",
      writable: true,
      available_values: choices,
    },
  });
  const done = (data) => [200, { success: true, message: "done", camera: { connected: camera.connected }, data }];
  box.controls.set(`GET ${CAMERA}/connection`, () => done());
  box.controls.set(`GET ${CAMERA}/properties/all`, () => done({ properties: properties() }));
  const still = (number) => ({
    id: `a${number}`, camera_id: "front_door", name: `DSC0000${number}.JPG`, content_type: "image/jpeg",
    size_bytes: 2_340_000, written_at: "2026-01-15T10:30:00.000Z", url: `${CAMERA}/stills/a${number}`,
  });
  box.controls.set(`GET ${CAMERA}/stills`, () => {
    const items = Array.from({ length: camera.shots }, (_, number) => still(number + 1));
    return [200, { items, pagination: { total: items.length, has_more: false } }];
  });
  box.controls.set(`PUT ${CAMERA}/properties/iso`, () => ((camera.iso = "0x190"), done()));
  box.controls.set(`POST ${CAMERA}/actions/shutter`, () => {
    camera.shots += 1;
    return camera.shots > 1 ? [400, { success: false, message: "the disk is full" }] : done();
  });
  box.controls.set(`DELETE ${CAMERA}/connection`, () => ((camera.connected = false), done()));
  return { box, camera };
}

test("a camera is set, shot with and let go, and what it refuses is said", async () => {
  const { box, camera } = photographersBox();
  await box.start();
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(box.url);
    await page.getByRole("button", { name: "Control Front door" }).click(SOON);
    const dialog = page.locator("dialog[open]");
    await dialog.getByLabel("iso").selectOption("400", SOON);
    await dialog.getByText("Iso was set.").waitFor(SOON);
    assert.equal(camera.iso, "0x190");
    await dialog.getByRole("button", { name: "Shutter" }).click(SOON);
    await dialog.getByText("The shutter was pressed.").waitFor(SOON);
    const still = dialog.getByRole("link", { name: "DSC00001.JPG" });
    await still.waitFor(SOON);
    assert.equal(new URL(await still.evaluate((link) => link.href)).pathname, `${CAMERA}/stills/a1`);
    await dialog.getByText("2.3 MB").waitFor(SOON);
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
    await dialog.getByRole("button", { name: "Shutter" }).click(SOON);
    await dialog.getByText("The disk is full").waitFor(SOON);
    await dialog.getByRole("button", { name: "Disconnect" }).click(SOON);
    await dialog.getByText("not connected").waitFor(SOON);
    assert.equal(await dialog.getByRole("button", { name: "Shutter" }).isEnabled(), false);
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await box.stop();
  }
});
