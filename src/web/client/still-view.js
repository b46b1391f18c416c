// The pictures of one camera, asked for one by one.
//
// For pages with more cameras than a browser allows open connections to one
// host (six): a still holds a connection only while it is fetched. The next one
// is asked for `everyMs` after the last one came, so a slow link gets fewer
// pictures instead of late ones. After a refusal it waits 1 s, doubling to 30 s,
// with jitter. A picture that was there before is not told again: a camera that
// froze keeps its last one, and that must not pass for a new one. Holds no
// picture.

import { Emitter } from "./emitter.js";
import { Api, isAbort } from "./http.js";
import { realTiming, reconnectDelay } from "./timing.js";

/** A box with many viewers can serve this without encoding for each of them. */
const EVERY_MS = 500;

/**
 * @extends {Emitter<{
 *   picture: Uint8Array,
 *   state: { state: "open" | "waiting" | "closed", error: Error | null },
 * }>}
 */
export class StillView extends Emitter {
  #abort = /** @type {AbortController | null} */ (null);
  #next = /** @type {any} */ (null);
  #failures = 0;
  #lastTag = /** @type {string | null} */ (null);

  /**
   * @param {string} cameraId
   * @param {import("./http.js").Connection & {
   *   boxes?: boolean,
   *   everyMs?: number,
   *   timing?: import("./timing.js").Timing,
   * }} [options] `boxes`: draw what is detected into the picture
   */
  constructor(cameraId, options = {}) {
    super();
    const boxes = options.boxes ? "?boxes=1" : "";
    this.path = `/api/cameras/${encodeURIComponent(cameraId)}/snapshot${boxes}`;
    this.api = new Api(options);
    this.everyMs = options.everyMs ?? EVERY_MS;
    this.timing = options.timing ?? realTiming;
  }

  /** Begins to ask, until `close`. */
  open() {
    if (this.#abort) return this;
    this.#abort = new AbortController();
    this.emit("state", { state: "open", error: null });
    void this.#ask(this.#abort.signal);
    return this;
  }

  /** Ends asking; `open` may be called again. */
  close() {
    this.timing.cancel(this.#next);
    this.#abort?.abort();
    this.#abort = null;
    this.emit("state", { state: "closed", error: null });
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    let waitMs = this.everyMs;
    try {
      const { bytes, tag } = await this.api.bytes(this.path, "image/jpeg", signal);
      this.#failures = 0;
      const isNew = tag === null || tag !== this.#lastTag;
      this.#lastTag = tag;
      if (isNew && !signal.aborted) this.emit("picture", bytes);
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      this.#failures += 1;
      waitMs = reconnectDelay(this.#failures, this.timing.random());
      this.emit("state", { state: "waiting", error: /** @type {Error} */ (error) });
    }
    if (!signal.aborted) this.#next = this.timing.after(() => void this.#ask(signal), waitMs);
  }
}
