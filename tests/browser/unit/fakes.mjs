// A clock turned by hand, a WebSocket played by the test, and a small HTTP
// server on loopback.

import { once } from "node:events";
import { createServer } from "node:http";

/** Timing whose clock only moves when told; timers run in order of their time. */
export class ManualTiming {
  #now = 0;
  #timers = [];
  #nextId = 1;

  /** The middle of the jitter: no variation. */
  random = () => 0.5;

  now = () => this.#now;

  after = (run, ms) => {
    const timer = { id: this.#nextId++, at: this.#now + ms, run };
    this.#timers.push(timer);
    return timer.id;
  };

  cancel = (id) => {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  };

  advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.cancel(due.id);
      this.#now = due.at;
      due.run();
    }
    this.#now = end;
  }
}

/** A class of WebSockets that remembers the ones it made. */
export function fakeWebSockets() {
  return class FakeWebSocket {
    static made = [];

    static get last() {
      return FakeWebSocket.made.at(-1);
    }

    sent = [];
    readyState = 0;
    wasClosed = false;

    constructor(url, protocols) {
      this.url = url;
      this.protocols = protocols;
      FakeWebSocket.made.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.wasClosed = true;
    }

    /** The server accepts. */
    accept() {
      this.readyState = 1;
      this.onopen?.();
    }

    /** The server says something. */
    say(message) {
      this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
    }

    /** The connection ends. */
    end(code, reason = "") {
      this.readyState = 3;
      this.onclose?.({ code, reason });
    }
  };
}

/**
 * Serves with `answer(request, response)` while `use(baseUrl)` runs.
 */
export async function withServer(answer, use) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/**
 * The next payload of an event; fails with a sentence after 5 s.
 */
export function next(emitter, name, accept = () => true) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${name} within 5 s`)), 5_000);
    const stop = emitter.on(name, (payload) => {
      if (!accept(payload)) return;
      stop();
      clearTimeout(late);
      resolve(payload);
    });
  });
}
