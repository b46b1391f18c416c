// The session with one camera: begun, kept, begun again.
//
// A connect is done when the box has said so twice: as the answer, and as
// `connected` on the event stream, within 30 s. Then the box takes the say over
// the settings (ten tries, half a second apart), and the camera is ready. A
// session that is lost is begun anew after 2, 4, 6 … at most 30 s, so many times;
// one that somebody ended on purpose is left alone.

import { Emitter } from "./emitter.js";

/** Longest wait for the event, milliseconds. */
const CONNECTED_MS = 30_000;
/** Tries to take the say, and the pause between them, milliseconds. */
const PRIORITY_TRIES = 10;
const PRIORITY_PAUSE_MS = 500;
/** A wait is so much longer than the one before, up to a limit, milliseconds. */
const RETRY_STEP_MS = 2_000;
const RETRY_MAX_MS = 30_000;

/**
 * @typedef {"detected" | "connecting" | "connected" | "disconnected"} SessionState
 *
 * @typedef {object} SessionOptions
 * @property {import("./camera-control.js").ConnectionMode} mode
 * @property {boolean} autoReconnect
 * @property {number} maxReconnectAttempts
 * @property {boolean} hasStream whether the box's events are heard
 * @property {import("./timing.js").Timing} timing
 */

/**
 * @extends {Emitter<{
 *   state: { state: SessionState, reason: string | null },
 *   failed: Error,
 * }>}
 */
export class CameraSession extends Emitter {
  #attempts = 0;
  #timers = /** @type {Set<any>} */ (new Set());
  #waiting = /** @type {{ arrived: () => void, failed: (error: Error) => void } | null} */ (null);
  /** Counts connects; an older one that comes to its end is ignored. */
  #turn = 0;

  /**
   * @param {import("./camera-control.js").CameraControl} control
   * @param {SessionOptions} options
   */
  constructor(control, options) {
    super();
    this.control = control;
    this.options = options;
    /** @type {SessionState} */
    this.state = "detected";
  }

  /** Connects, unless it is connected or on its way. */
  async connect() {
    if (this.state === "connecting" || this.state === "connected") return;
    this.#attempts = 0;
    await this.#connect(false);
  }

  /** Ends the session for good. */
  async disconnect() {
    this.forget();
    const wasThere = this.state !== "disconnected";
    this.state = "disconnected";
    if (wasThere) this.emit("state", { state: "disconnected", reason: null });
    await this.control.disconnect();
  }

  /** Stops whatever is under way here; the box keeps the session. */
  forget() {
    this.#turn += 1;
    this.#timers.forEach((timer) => this.options.timing.cancel(timer));
    this.#timers.clear();
    this.#waiting?.failed(new Error("given up"));
    this.#waiting = null;
  }

  /** The box says that a session began. */
  heardConnected() {
    this.#waiting?.arrived();
  }

  /**
   * The box says that the session ended.
   *
   * @param {{ error?: string, reason?: string }} report
   */
  heardDisconnected({ error = "", reason = "" }) {
    // Our own retry ends what is left of the old session first.
    if (this.state !== "connected") return;
    this.#become("disconnected", reason || error || null);
    const isOnPurpose = Number.parseInt(error, 16) === 0;
    if (!isOnPurpose && this.options.autoReconnect) this.#retry(new Error(reason || "the camera was lost"));
  }

  /** @param {boolean} isRetry */
  async #connect(isRetry) {
    const turn = ++this.#turn;
    this.#become("connecting", null);
    try {
      if (isRetry) await this.control.disconnect();
      const announced = this.#announced();
      await Promise.all([this.control.connect(this.options.mode), announced]);
      if (this.options.mode !== "contents") await this.#takeTheSay();
      if (turn !== this.#turn) return;
      this.#attempts = 0;
      this.#become("connected", null);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#waiting?.failed(/** @type {Error} */ (error));
      this.#become("disconnected", /** @type {Error} */ (error).message);
      if (this.options.autoReconnect) this.#retry(/** @type {Error} */ (error));
      else this.emit("failed", /** @type {Error} */ (error));
    }
  }

  /** Resolves with the event `connected`. @returns {Promise<void>} */
  #announced() {
    if (!this.options.hasStream) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = this.#after(CONNECTED_MS, () => reject(new Error("the box did not announce the camera")));
      const over = () => {
        this.options.timing.cancel(late);
        this.#waiting = null;
      };
      this.#waiting = {
        arrived: () => (over(), resolve()),
        failed: (error) => (over(), reject(error)),
      };
    });
  }

  async #takeTheSay() {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.control.setPriorityKey("pc-remote");
        return;
      } catch (error) {
        if (attempt >= PRIORITY_TRIES) throw error;
        await new Promise((resolve) => this.#after(PRIORITY_PAUSE_MS, () => resolve(undefined)));
      }
    }
  }

  /** @param {Error} error */
  #retry(error) {
    this.#attempts += 1;
    if (this.#attempts > this.options.maxReconnectAttempts) {
      this.emit("failed", error);
      return;
    }
    const delay = Math.min(this.#attempts * RETRY_STEP_MS, RETRY_MAX_MS);
    this.#after(delay, () => void this.#connect(true));
  }

  /** @param {number} ms @param {() => void} run */
  #after(ms, run) {
    const timer = this.options.timing.after(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** @param {SessionState} state @param {string | null} reason */
  #become(state, reason) {
    this.state = state;
    this.emit("state", { state, reason });
  }
}
