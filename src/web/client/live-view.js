// The live pictures of one camera: `multipart/x-mixed-replace` read by hand.
//
// An `<img>` would show the stream with less code and hide what matters: it
// cannot tell a live picture from one that froze a minute ago, says nothing
// about why the box refused, and keeps its connection when it is removed. Here
// every picture has a time of arrival, silence is noticed after 5 s, and the
// stream is reopened after 1 s, doubling to 30 s, with jitter.
//
// Holds at most one picture in work and one ready: when the page is slower than
// the camera, the older one is dropped.

import { Emitter } from "./emitter.js";
import { Api, isAbort } from "./http.js";
import { realTiming, reconnectDelay } from "./timing.js";

/** No picture for this long is a stalled stream. */
const SILENCE_MS = 5_000;
/** Largest picture accepted; a 4K JPEG of good quality stays below. */
const PICTURE_MAX_BYTES = 8 << 20;
/** Longest part header accepted. */
const HEADER_MAX_BYTES = 4 << 10;

const CRLF2 = [13, 10, 13, 10];

/** Cuts bytes, arriving in any pieces, into the bodies of the parts. */
export class PartParser {
  #rest = new Uint8Array(0);

  /**
   * @param {Uint8Array} bytes
   * @returns {Uint8Array[]} the pictures that `bytes` completed
   */
  push(bytes) {
    this.#rest = joined(this.#rest, bytes);
    const pictures = [];
    for (;;) {
      const head = indexOf(this.#rest, CRLF2);
      if (head < 0) {
        if (this.#rest.length > HEADER_MAX_BYTES) throw new Error("a part of the stream has no header");
        return pictures;
      }
      const body = head + CRLF2.length;
      const length = lengthIn(this.#rest.subarray(0, head));
      if (this.#rest.length < body + length) return pictures;
      pictures.push(this.#rest.slice(body, body + length));
      this.#rest = this.#rest.subarray(body + length);
    }
  }
}

/** @param {Uint8Array} header */
function lengthIn(header) {
  const text = new TextDecoder().decode(header);
  const length = Number(/content-length:\s*(\d+)/i.exec(text)?.[1]);
  if (!(length > 0 && length <= PICTURE_MAX_BYTES)) {
    throw new Error("a part of the stream has no usable length");
  }
  return length;
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function joined(a, b) {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/**
 * @param {Uint8Array} bytes
 * @param {number[]} wanted
 */
function indexOf(bytes, wanted) {
  const end = Math.min(bytes.length, HEADER_MAX_BYTES) - wanted.length;
  for (let at = 0; at <= end; at += 1) {
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}

/**
 * @extends {Emitter<{
 *   picture: Uint8Array,
 *   state: { state: "connecting" | "open" | "waiting" | "closed", error: Error | null },
 * }>} `open` begins with the answer of the box, before its first picture
 */
export class LiveView extends Emitter {
  #abort = /** @type {AbortController | null} */ (null);
  #retry = /** @type {any} */ (null);
  #failures = 0;

  /**
   * @param {string} cameraId
   * @param {import("./http.js").Connection & {
   *   boxes?: boolean,
   *   timing?: import("./timing.js").Timing,
   * }} [options] `boxes`: draw what is detected into the picture
   */
  constructor(cameraId, options = {}) {
    super();
    const boxes = options.boxes ? "?boxes=1" : "";
    this.path = `/api/cameras/${encodeURIComponent(cameraId)}/stream.mjpeg${boxes}`;
    this.api = new Api(options);
    this.timing = options.timing ?? realTiming;
    /** When the last picture came, on `timing`'s clock. @type {number | null} */
    this.lastPictureAt = null;
  }

  /** Milliseconds since the last picture; null before the first. */
  pictureAgeMs() {
    return this.lastPictureAt === null ? null : this.timing.now() - this.lastPictureAt;
  }

  /** Begins to watch, until `close`. */
  open() {
    if (!this.#abort) void this.#run();
    return this;
  }

  /** Ends watching and frees the connection; `open` may be called again. */
  close() {
    this.timing.cancel(this.#retry);
    this.#abort?.abort();
    this.#abort = null;
    this.emit("state", { state: "closed", error: null });
  }

  /** Tries at once instead of waiting for the next turn. */
  retryNow() {
    if (this.#abort?.signal.aborted) void this.#run();
  }

  async #run() {
    this.timing.cancel(this.#retry);
    const abort = new AbortController();
    this.#abort = abort;
    this.emit("state", { state: "connecting", error: null });
    /** @type {Error} */
    let ended = new Error("the box ended the stream");
    try {
      await this.#read(abort);
    } catch (error) {
      ended = error instanceof Error ? error : new Error(String(error));
    }
    abort.abort();
    if (this.#abort === abort) this.#wait(isAbort(ended) ? new Error("no picture for 5 s") : ended);
  }

  /** @param {AbortController} abort */
  async #read(abort) {
    const parser = new PartParser();
    let watch = this.timing.after(() => abort.abort(), SILENCE_MS);
    try {
      const response = await this.api.open(this.path, "multipart/x-mixed-replace", abort.signal);
      this.emit("state", { state: "open", error: null });
      const reader = response.body?.getReader();
      while (reader) {
        const { done, value } = await reader.read();
        if (done) return;
        const newest = parser.push(value).at(-1);
        if (!newest) continue;
        this.timing.cancel(watch);
        watch = this.timing.after(() => abort.abort(), SILENCE_MS);
        this.#show(newest);
      }
    } finally {
      this.timing.cancel(watch);
    }
  }

  /** @param {Uint8Array} picture */
  #show(picture) {
    this.#failures = 0;
    this.lastPictureAt = this.timing.now();
    this.emit("picture", picture);
  }

  /** @param {Error} error */
  #wait(error) {
    this.#failures += 1;
    const delay = reconnectDelay(this.#failures, this.timing.random());
    this.#retry = this.timing.after(() => void this.#run(), delay);
    this.emit("state", { state: "waiting", error });
  }
}
