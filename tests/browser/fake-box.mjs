// A stand-in for the appliance that can be made to freeze, fall silent or go
// away at a word, to see what the dashboard makes of it. It serves the
// dashboard's own files under the content policy of the real one.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const WEB = new URL("../../src/web/", import.meta.url);
const PICTURE = new URL("../footage/frames/vtest_f000.jpg", import.meta.url);
const POLICY =
  "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'";
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
/** The constant of RFC 6455, section 1.3. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const FIGURES = {
  gpu: { utilization: 40, memory_used: 200, memory_total: 512, temperature: 50, inference_fps: 9.8 },
  cameras: { active: 1, total: 1 },
  queue: { pending: 0, processing: 1 },
  health: "healthy",
};

export class FakeBox {
  cameras = [{ id: "front_door", name: "Front door", connected: true, status: "online", fps: 10 }];
  events = [];
  /** What a camera answers, by `METHOD path`. */
  controls = new Map();
  key = null;
  isFrozen = false;
  isSilent = false;
  streamsOpen = 0;
  #sockets = new Set();

  async start(port = 0) {
    this.picture = await readFile(PICTURE);
    this.server = createServer((request, response) => this.#answer(request, response));
    this.server.on("upgrade", (request, socket) => this.#upgrade(request, socket));
    this.server.listen(port, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    this.timers = [setInterval(() => this.#figures(), 1_000)];
    return this;
  }

  /** Goes away as a box does that loses its power. */
  async stop() {
    this.timers.forEach(clearInterval);
    this.#sockets.forEach((socket) => socket.destroy());
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  /** Sends a message to the sockets of a path. */
  say(path, message) {
    for (const socket of this.#sockets) if (socket.path === path) socket.write(textFrame(message));
  }

  #figures() {
    if (!this.isSilent) this.say("/ws/system", { type: "system_status", data: FIGURES });
  }

  #answer(request, response) {
    const { pathname } = new URL(request.url, "http://box");
    const json = (status, body) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (!pathname.startsWith("/api/")) return void this.#file(pathname, response);
    if (this.key && request.headers["x-api-key"] !== this.key) {
      return json(401, { message: "a valid API key is required" });
    }
    const control = this.controls.get(`${request.method} ${pathname}`);
    if (control) return json(...control());
    if (pathname === "/api/cameras") return json(200, { cameras: this.cameras });
    if (pathname === "/api/events") return json(200, { items: this.events, pagination: { has_more: false } });
    if (pathname === "/api/alerts") return json(200, { items: [], pagination: { has_more: false } });
    if (pathname === "/api/system/health") return json(200, { status: "healthy", services: {} });
    if (pathname.endsWith("/stream.mjpeg")) return this.#stream(response);
    if (pathname.endsWith("/snapshot")) return response.end(this.picture);
    return json(404, { message: "there is nothing here" });
  }

  async #file(pathname, response) {
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    try {
      const body = await readFile(fileURLToPath(new URL(name, WEB)));
      response.writeHead(200, { "Content-Type": TYPES[extname(name)], "Content-Security-Policy": POLICY });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  }

  #stream(response) {
    this.streamsOpen += 1;
    response.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=frame" });
    const timer = setInterval(() => {
      if (this.isFrozen) return;
      response.write(`--frame\r\nContent-Length: ${this.picture.length}\r\n\r\n`);
      response.write(this.picture);
      response.write("\r\n");
    }, 200);
    response.on("close", () => {
      clearInterval(timer);
      this.streamsOpen -= 1;
    });
  }

  #upgrade(request, socket) {
    const key = request.headers["sec-websocket-key"];
    const accept = createHash("sha1").update(key + WEBSOCKET_GUID).digest("base64");
    const offered = request.headers["sec-websocket-protocol"];
    const protocol = offered ? `Sec-WebSocket-Protocol: ${offered.split(",")[0]}\r\n` : "";
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`,
    );
    socket.path = new URL(request.url, "http://box").pathname;
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.resume();
    this.#sockets.add(socket);
    this.#figures();
  }
}

/** An unmasked text frame of less than 64 KiB (RFC 6455, section 5.2). */
function textFrame(message) {
  const body = Buffer.from(JSON.stringify(message));
  const head = body.length < 126 ? [0x81, body.length] : [0x81, 126, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from(head), body]);
}
