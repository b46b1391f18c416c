// A Chromium with the dashboard in it, and a record of everything that a
// dashboard must not do.

import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Nothing here may reach for the network or the graphics card. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where the appliance under test listens; without it these tests mean nothing. */
export function baseUrl() {
  const url = process.env.BASE_URL;
  if (!url) {
    throw new Error("BASE_URL is not set: start the appliance and name it, such as BASE_URL=http://127.0.0.1:8080");
  }
  return url.replace(/\/+$/, "");
}

/** Opens a browser; the caller closes it. */
export function openBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * Opens the dashboard. What goes wrong in the page, and every request that
 * leaves the appliance, is added to `complaints`.
 */
export async function openDashboard(browser, complaints, viewport = { width: 1440, height: 900 }) {
  const page = await browser.newPage({ viewport });
  const own = new URL(baseUrl()).host;
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  page.on("console", (line) => {
    if (["error", "warning"].includes(line.type())) complaints.push(`console: ${line.text()}`);
  });
  const check = (url) => {
    const { protocol, host } = new URL(url);
    if (!["blob:", "data:"].includes(protocol) && host !== own) complaints.push(`request to ${url}`);
  };
  page.on("request", (request) => check(request.url()));
  page.on("websocket", (socket) => check(socket.url()));
  await page.goto(`${baseUrl()}/`);
  return page;
}
