// The cameras of the box: which there are, and what they report.
//
//     const manager = new CameraManager({ baseUrl: "http://box:8080" }).start();
//     manager.on("camera-found", (camera) => console.log(camera.name));
//     manager.on("disconnected", ({ id, reason }) => console.log(id, reason));
//
// Which cameras exist is learnt by asking (`GET /api/cameras`, every 5 s; no
// message announces a new one), what they report from the event stream
// (`GET /api/events`). A frame named `error` is a report of a camera, not a
// broken connection; that is `connection-failed`.

import { Emitter } from "./emitter.js";
import { Api, isAbort } from "./http.js";
import { EventStream } from "./sse.js";
import { realTiming } from "./timing.js";

/** How often the list is asked for, milliseconds. */
const POLL_MS = 5_000;
/** Cameras that are kept; a box has a handful. What comes beyond is ignored. */
const CAMERAS_MAX = 256;

/**
 * @typedef {import("./types.js").Camera} Camera
 *
 * @typedef {object} CameraReport
 * @property {string} id which camera
 * @property {string} [cameraId] the same
 * @property {string} [model]
 * @property {string} [error] SDK error code
 * @property {string} [reason]
 * @property {string} [code]
 * @property {string} [message]
 *
 * @typedef {object} CameraEvents
 * @property {Camera[]} cameras the list, after each time it was asked for
 * @property {Camera} camera-found a camera that was not there before
 * @property {Camera} camera-lost a camera that is no longer there
 * @property {{ camera: Camera, previous: Camera }} camera-changed its connection or status changed
 * @property {CameraReport} connected a camera's connection was established
 * @property {CameraReport} disconnected
 * @property {CameraReport} error a driver fault
 * @property {{ event: string, data: any }} report every frame of the stream, whatever its name
 * @property {{ error: Error, of: "list" | "stream" }} connection-failed tried again by itself
 */

/**
 * @typedef {import("./http.js").Connection & {
 *   pollIntervalMs?: number,
 *   stream?: boolean,
 *   timing?: import("./timing.js").Timing,
 * }} ManagerOptions `stream: false` leaves the event stream closed
 */

/** @extends {Emitter<CameraEvents>} */
export class CameraManager extends Emitter {
  #timer = /** @type {any} */ (null);
  #asking = /** @type {AbortController | null} */ (null);
  #isRunning = false;

  /** @param {ManagerOptions} [options] */
  constructor(options = {}) {
    super();
    this.api = new Api(options);
    this.timing = options.timing ?? realTiming;
    this.pollIntervalMs = options.pollIntervalMs ?? POLL_MS;
    /** The cameras, by id. @type {Map<string, Camera>} */
    this.cameras = new Map();
    this.stream = options.stream === false ? null : new EventStream("/api/events", options);
    this.stream?.on("frame", (frame) => this.#report(frame));
    this.stream?.on("state", ({ error }) => {
      if (error) this.emit("connection-failed", { error, of: "stream" });
    });
  }

  /** Begins to ask and to listen, until `stop`. */
  start() {
    if (this.#isRunning) return this;
    this.#isRunning = true;
    this.stream?.open();
    void this.refresh();
    return this;
  }

  /** Ends asking and listening; `start` may be called again. */
  stop() {
    this.#isRunning = false;
    this.timing.cancel(this.#timer);
    this.#asking?.abort();
    this.stream?.close();
  }

  /** Asks for the list now. */
  async refresh() {
    this.timing.cancel(this.#timer);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const answer = await this.api.get("/api/cameras", {}, { signal: asking.signal });
      if (!asking.signal.aborted) this.#adopt(answer.cameras ?? answer.items ?? []);
    } catch (error) {
      // A newer question replaced this one; it will set the timer.
      if (isAbort(error) || asking.signal.aborted) return;
      this.emit("connection-failed", { error: /** @type {Error} */ (error), of: "list" });
    }
    if (this.#isRunning && this.#asking === asking) {
      this.#timer = this.timing.after(() => void this.refresh(), this.pollIntervalMs);
    }
  }

  /** @param {Camera[]} list */
  #adopt(list) {
    const before = this.cameras;
    this.cameras = new Map(list.slice(0, CAMERAS_MAX).map((camera) => [camera.id, camera]));
    for (const [id, camera] of this.cameras) {
      const previous = before.get(id);
      if (!previous) this.emit("camera-found", camera);
      else if (hasChanged(previous, camera)) this.emit("camera-changed", { camera, previous });
    }
    for (const [id, camera] of before) {
      if (!this.cameras.has(id)) this.emit("camera-lost", camera);
    }
    this.emit("cameras", [...this.cameras.values()]);
  }

  /** @param {{ event: string, data: any }} frame */
  #report(frame) {
    this.emit("report", frame);
    const id = frame.data?.id ?? frame.data?.cameraId;
    // `*` is the greeting of the stream itself, not a camera.
    if (typeof id !== "string" || id === "*") return;
    const report = { ...frame.data, id };
    if (frame.event === "connected") this.emit("connected", report);
    if (frame.event === "disconnected") this.emit("disconnected", report);
    if (frame.event === "error") this.emit("error", report);
    if (frame.event === "connected" || frame.event === "disconnected") void this.refresh();
  }
}

/**
 * @param {Camera} a
 * @param {Camera} b
 */
function hasChanged(a, b) {
  return a.connected !== b.connected || a.status !== b.status || a.reason !== b.reason;
}
