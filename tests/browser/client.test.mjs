// The client library in Chromium: a page that a box serves connects a camera and
// takes a photograph, with nothing but `/client/`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { openBrowser } from "./page.mjs";
import { withServer } from "./unit/fakes.mjs";

const CLIENT = new URL("../../src/web/client/", import.meta.url);

const PAGE = `<!doctype html><title>photographer</title><script type="module">
  import { CameraManager } from "/client/index.js";
  const manager = new CameraManager();
  manager.on("camera-ready", (camera) => manager.control(camera.id).shutter());
  manager.on("report", ({ event, data }) => {
    if (event === "downloadComplete") document.title = data.filename;
  });
  manager.start();
</script>`;

/** Serves the page, the library, and a camera that can be photographed with. */
function photographersBox() {
  let stream = null;
  const say = (event, data) => stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  return async (request, response) => {
    const path = new URL(request.url, "http://box").pathname;
    const json = (body) => response.end(JSON.stringify({ success: true, message: "done", ...body }));
    if (path === "/") return response.writeHead(200, { "Content-Type": "text/html" }).end(PAGE);
    if (path.startsWith("/client/")) {
      response.writeHead(200, { "Content-Type": "text/javascript" });
      return response.end(await readFile(new URL(path.slice("/client/".length), CLIENT)));
    }
    if (path === "/api/events") {
      stream = response.writeHead(200, { "Content-Type": "text/event-stream" });
      return say("connected", { cameraId: "*" });
    }
    if (path === "/api/cameras") return json({ cameras: [{ id: "studio", name: "Studio" }] });
    if (path.endsWith("/connection")) say("connected", { cameraId: "studio", id: "studio", model: "ILCE-7M4" });
    if (path.endsWith("/shutter")) say("downloadComplete", { filename: "DSC00001.JPG", type: "image", cameraId: "studio" });
    return json({});
  };
}

test("a page connects a camera, takes a photograph and hears where it is", async () => {
  await withServer(photographersBox(), async (baseUrl) => {
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      const complaints = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(baseUrl);
      await page.waitForFunction(() => document.title === "DSC00001.JPG", null, { timeout: 60_000 });
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
    }
  });
});
