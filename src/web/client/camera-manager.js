// The cameras of the box: which there are, sessions with them, what they report.
//
//     const manager = new CameraManager({ baseUrl: "http://box:8080" });
//     manager.on("camera-ready", async (camera) => {
//       await manager.control(camera.id).shutter();
//     });
//     manager.on("report", ({ event, data }) => console.log(event, data));
//     manager.start();
//
// Which cameras exist is learnt by asking (`GET /api/cameras`, every 5 s; no
// message announces a new one), what they report from the event stream
// (`GET /api/events`), which goes on where it was after a break. Each camera that
// is found is connected and kept connected unless `autoConnect` is false; `stop`
// leaves the sessions as they are. A frame named `error` is a report of a camera,
// not a broken connection; that is `connection-failed`.

import { CameraControl } from "./camera-control.js";
import { CameraSession } from "./camera-session.js";
import { Emitter } from "./emitter.js";
import { Api, isAbort } from "./http.js";
import { EventStream } from "./sse.js";
import { realTiming } from "./timing.js";

/** How often the list is asked for, milliseconds. */
const POLL_MS = 5_000;
/** How often a lost session is begun anew. */
const RECONNECT_ATTEMPTS = 5;
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
 * @property {Camera} camera-connecting a session is being begun
 * @property {Camera} camera-ready it is there, and the box has the say
 * @property {{ camera: Camera, reason: string | null }} camera-disconnected it has ended
 * @property {{ error: Error, of: "list" | "stream" | "camera", camera?: Camera }} connection-failed
 *   list and stream are tried again by themselves, a camera is not any more
 */

/**
 * @typedef {import("./http.js").Connection & {
 *   pollIntervalMs?: number,
 *   pollInterval?: number,
 *   autoConnect?: boolean,
 *   connectionMode?: import("./camera-control.js").ConnectionMode,
 *   autoReconnect?: boolean,
 *   maxReconnectAttempts?: number,
 *   stream?: boolean,
 *   timing?: import("./timing.js").Timing,
 * }} ManagerOptions `pollInterval` is another name for `pollIntervalMs` (5000);
 *   `autoConnect` (true) connects what is found, in `connectionMode` (`remote`);
 *   `autoReconnect` (true) begins a lost session anew, `maxReconnectAttempts` (5)
 *   times; `stream: false` leaves the event stream closed
 */

/** @extends {Emitter<CameraEvents>} */
export class CameraManager extends Emitter {
  #timer = /** @type {any} */ (null);
  #asking = /** @type {AbortController | null} */ (null);
  #isRunning = false;
  #sessions = /** @type {Map<string, CameraSession>} */ (new Map());

  /** @param {ManagerOptions} [options] */
  constructor(options = {}) {
    super();
    this.api = new Api(options);
    this.timing = options.timing ?? realTiming;
    this.options = options;
    this.pollIntervalMs = options.pollIntervalMs ?? options.pollInterval ?? POLL_MS;
    /** The cameras, by id. @type {Map<string, Camera>} */
    this.cameras = new Map();
    this.stream = options.stream === false ? null : new EventStream("/api/events?ids=1", options);
    this.stream?.on("frame", (frame) => this.#report(frame));
    this.stream?.on("state", ({ error }) => {
      if (error) this.emit("connection-failed", { error, of: "stream" });
    });
  }

  /** Begins to ask and to listen, until `stop`. */
  start() {
    if (this.#isRunning) return this;
    this.#isRunning = true;
    if (!this.stream || this.stream.state === "open") {
      void this.refresh();
      return this;
    }
    // Sessions are announced on the stream, so that is open before any begins.
    const stopWaiting = this.stream.on("state", ({ state }) => {
      if (state === "connecting") return;
      stopWaiting();
      if (state !== "closed") void this.refresh();
    });
    this.stream.open();
    return this;
  }

  /** Ends asking and listening; `start` may be called again. */
  stop() {
    this.#isRunning = false;
    this.timing.cancel(this.#timer);
    this.#asking?.abort();
    this.stream?.close();
    this.#sessions.forEach((session) => session.forget());
  }

  /**
   * What can be asked of a camera that was found.
   *
   * @param {string} id
   */
  control(id) {
    return this.#session(id).control;
  }

  /**
   * How far the session with a camera is.
   *
   * @param {string} id
   * @returns {import("./camera-session.js").SessionState}
   */
  state(id) {
    return this.#session(id).state;
  }

  /** Connects a camera that was found. @param {string} id */
  connect(id) {
    return this.#session(id).connect();
  }

  /** Ends the session with a camera; it is not begun anew. @param {string} id */
  disconnect(id) {
    return this.#session(id).disconnect();
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
      if (!previous) this.#found(camera);
      else if (hasChanged(previous, camera)) this.emit("camera-changed", { camera, previous });
    }
    for (const [id, camera] of before) {
      if (!this.cameras.has(id)) this.#lost(camera);
    }
    this.emit("cameras", [...this.cameras.values()]);
  }

  /** @param {Camera} camera */
  #found(camera) {
    const { connectionMode, autoReconnect, maxReconnectAttempts, autoConnect } = this.options;
    const session = new CameraSession(new CameraControl(camera.id, this.options), {
      mode: connectionMode ?? "remote",
      autoReconnect: autoReconnect ?? true,
      maxReconnectAttempts: maxReconnectAttempts ?? RECONNECT_ATTEMPTS,
      hasStream: this.stream !== null,
      timing: this.timing,
    });
    this.#sessions.set(camera.id, session);
    session.on("state", ({ state, reason }) => {
      const known = this.cameras.get(camera.id) ?? camera;
      if (state === "connecting") this.emit("camera-connecting", known);
      if (state === "connected") this.emit("camera-ready", known);
      if (state === "disconnected") this.emit("camera-disconnected", { camera: known, reason });
    });
    session.on("failed", (error) => {
      this.emit("connection-failed", { error, of: "camera", camera: this.cameras.get(camera.id) ?? camera });
    });
    this.emit("camera-found", camera);
    if (autoConnect ?? true) void session.connect();
  }

  /** @param {Camera} camera */
  #lost(camera) {
    this.#sessions.get(camera.id)?.forget();
    this.#sessions.delete(camera.id);
    this.emit("camera-lost", camera);
  }

  /** @param {string} id */
  #session(id) {
    const session = this.#sessions.get(id);
    if (!session) throw new Error(`no camera ${id} was found`);
    return session;
  }

  /** @param {{ event: string, data: any }} frame */
  #report(frame) {
    this.emit("report", frame);
    if (frame.event === "resumed" && frame.data?.complete === false) void this.refresh();
    const id = frame.data?.id ?? frame.data?.cameraId;
    // `*` is the greeting of the stream itself, not a camera.
    if (typeof id !== "string" || id === "*") return;
    const report = { ...frame.data, id };
    // The greeting of a camera's own stream has no model; a session has.
    if (frame.event === "connected" && report.model !== undefined) this.#sessions.get(id)?.heardConnected();
    if (frame.event === "disconnected") this.#sessions.get(id)?.heardDisconnected(report);
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
