// Server-sent events over fetch, and the stream of camera events made of them.
//
// EventSource is not used, for three reasons: it reports a frame *named*
// `error` through the same handler as a broken connection (the camera contract
// sends such frames), it cannot send the key in a header, and Node has none.
// Here a frame's name is only a name.

import { Emitter } from "./emitter.js";
import { Api, isAbort } from "./http.js";
import { realTiming, reconnectDelay } from "./timing.js";

/** A frame that grows beyond this is not one of ours; the stream is reopened. */
const FRAME_MAX_CHARS = 1 << 20;
/** The server sends a comment every 30 s: two and a half missed is dead. */
const SILENCE_MS = 75_000;

/**
 * @typedef {object} Frame
 * @property {string} event its name, `message` when it has none
 * @property {string} data
 * @property {string} [id] where in the stream it is, when the box was asked for ids
 */

/** @typedef {"connecting" | "open" | "waiting" | "closed"} StreamState */

/** Cuts text, arriving in any pieces, into frames. */
export class FrameParser {
  #rest = "";

  /**
   * @param {string} text
   * @returns {Frame[]} the frames that `text` completed
   */
  push(text) {
    // A CR at the very end may be half of a CRLF; it waits for the next piece.
    const all = this.#rest + text;
    const usable = all.endsWith("\r") ? all.slice(0, -1) : all;
    const blocks = usable.replace(/\r\n?/g, "\n").split("\n\n");
    this.#rest = blocks.pop() + all.slice(usable.length);
    if (this.#rest.length > FRAME_MAX_CHARS) throw new Error("a frame of the stream has no end");
    return blocks.map(frameOf).filter((frame) => frame !== null);
  }
}

/**
 * @param {string} block
 * @returns {Frame | null} null for comments
 */
function frameOf(block) {
  const frame = { event: "message", data: /** @type {string[]} */ ([]), id: /** @type {{ id?: string }} */ ({}) };
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") frame.event = value ?? "";
    if (field === "data") frame.data.push(value ?? "");
    if (field === "id") frame.id = { id: value ?? "" };
  }
  return frame.data.length > 0 ? { event: frame.event, data: frame.data.join("\n"), ...frame.id } : null;
}

/**
 * An event stream that comes back: 1 s doubling to 30 s, with jitter. Asked for
 * with `ids=1`, it goes on where it was.
 *
 * @extends {Emitter<{
 *   frame: { event: string, data: any },
 *   state: { state: StreamState, error: Error | null },
 * }>}
 */
export class EventStream extends Emitter {
  #abort = /** @type {AbortController | null} */ (null);
  #retry = /** @type {any} */ (null);
  #failures = 0;

  /**
   * @param {string} path
   * @param {import("./http.js").Connection & { timing?: import("./timing.js").Timing }} [options]
   */
  constructor(path, options = {}) {
    super();
    this.path = path;
    this.api = new Api(options);
    this.timing = options.timing ?? realTiming;
    /** @type {number | null} */
    this.lastMessageAt = null;
    /** @type {StreamState} */
    this.state = "closed";
    /** Where the stream goes on after a break. @type {string | null} */
    this.lastId = null;
  }

  /** Connects and stays connected until `close`. */
  open() {
    if (!this.#abort) void this.#run();
    return this;
  }

  /** Closes for good; `open` may be called again. */
  close() {
    this.timing.cancel(this.#retry);
    this.#abort?.abort();
    this.#abort = null;
    this.#become("closed", null);
  }

  async #run() {
    const abort = new AbortController();
    this.#abort = abort;
    this.#become("connecting", null);
    /** @type {Error} */
    let ended = new Error("the box ended the stream");
    try {
      await this.#read(abort);
    } catch (error) {
      ended = error instanceof Error ? error : new Error(String(error));
    }
    if (this.#abort === abort) this.#wait(isAbort(ended) ? new Error("the stream went silent") : ended);
  }

  /** @param {AbortController} abort */
  async #read(abort) {
    /** @type {Record<string, string>} */
    const headers = this.lastId === null ? {} : { "Last-Event-ID": this.lastId };
    const response = await this.api.open(this.path, "text/event-stream", abort.signal, headers);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (!reader) return;
    this.#become("open", null);
    const parser = new FrameParser();
    for (;;) {
      const watch = this.timing.after(() => abort.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => this.timing.cancel(watch));
      if (done) return;
      this.#failures = 0;
      this.lastMessageAt = this.timing.now();
      parser.push(value).forEach((frame) => this.#deliver(frame));
    }
  }

  /** @param {Frame} frame */
  #deliver({ event, data, id }) {
    this.lastId = id ?? this.lastId;
    try {
      this.emit("frame", { event, data: JSON.parse(data) });
    } catch {
      // Not JSON, so not from the contract: nobody could use it.
    }
  }

  /** @param {Error} error */
  #wait(error) {
    this.#failures += 1;
    const delay = reconnectDelay(this.#failures, this.timing.random());
    this.#retry = this.timing.after(() => void this.#run(), delay);
    this.#become("waiting", error);
  }

  /** @param {StreamState} state @param {Error | null} error */
  #become(state, error) {
    this.state = state;
    this.emit("state", { state, error });
  }
}
