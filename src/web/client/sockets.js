// The WebSocket endpoints of the box, one class each.
//
//     const socket = new EventsSocket({ apiKey }).open();
//     socket.on("event", (event) => console.log(event.summary));
//
// All of them also emit what `ReconnectingSocket` does: `state`, `gap`,
// `message`, `refused`. Types this file does not name arrive as `message`. What
// happened while the connection was broken arrives after it, once, as if nothing
// had been; a `gap` says that some of it is lost.

import { Emitter } from "./emitter.js";
import { ReconnectingSocket } from "./socket.js";

/** `/ws/system` carries figures every few seconds: without any for this long
 * the connection is dead, whatever the network stack believes. */
const SYSTEM_SILENCE_MS = 20_000;

/**
 * Passes the payload on under the event name that belongs to the wire type.
 *
 * @param {any} socket
 * @param {Record<string, string>} names wire type to event name
 * @param {import("./socket.js").Message} message
 */
function pass(socket, names, message) {
  const name = names[message.type ?? ""];
  if (name) /** @type {Emitter<any>} */ (socket).emit(name, message.data ?? {});
}

/**
 * `/ws/events`: events, camera states, alerts.
 *
 * `event` is a new event, `event-updated` a later revision of one (merge it by
 * `id`), `event-deleted` names one that is gone. `alert` is a new alert,
 * `alert-updated` one that somebody has seen or put away.
 *
 * @extends {ReconnectingSocket<{
 *   event: import("./types.js").SecurityEvent,
 *   "event-updated": Partial<import("./types.js").SecurityEvent> & { id: number },
 *   "event-deleted": { id: number },
 *   "camera-status": import("./types.js").CameraStatus,
 *   alert: import("./types.js").Alert,
 *   "alert-updated": import("./types.js").Alert,
 *   "scene-change": import("./types.js").SceneChange,
 * }>}
 */
export class EventsSocket extends ReconnectingSocket {
  /** @param {import("./socket.js").SocketOptions} [options] */
  constructor(options) {
    super("/ws/events", options);
  }

  /**
   * @override
   * @param {import("./socket.js").Message} message
   */
  dispatch(message) {
    pass(this, EVENT_NAMES, message);
  }
}

const EVENT_NAMES = {
  event: "event",
  "event.created": "event",
  "event.updated": "event-updated",
  "event.deleted": "event-deleted",
  camera_status: "camera-status",
  alert_created: "alert",
  alert_acknowledged: "alert-updated",
  alert_dismissed: "alert-updated",
  "alert.updated": "alert-updated",
  "alert.resolved": "alert-updated",
  scene_change: "scene-change",
};

/**
 * `/ws/detections`: every object in every frame.
 *
 * @extends {ReconnectingSocket<{
 *   detection: import("./types.js").Detection,
 *   batch: import("./types.js").DetectionBatch,
 * }>}
 */
export class DetectionsSocket extends ReconnectingSocket {
  /** @param {import("./socket.js").SocketOptions} [options] */
  constructor(options) {
    super("/ws/detections", options);
  }

  /**
   * @override
   * @param {import("./socket.js").Message} message
   */
  dispatch(message) {
    pass(this, DETECTION_NAMES, message);
  }
}

const DETECTION_NAMES = { detection: "detection", "detection.batch": "batch" };

/**
 * `/ws/system`: figures of the box at once and every few seconds, and changes
 * of its components.
 *
 * @extends {ReconnectingSocket<{
 *   status: import("./types.js").SystemStatus,
 *   service: import("./types.js").ServiceStatus,
 * }>}
 */
export class SystemSocket extends ReconnectingSocket {
  /** @param {import("./socket.js").SocketOptions} [options] */
  constructor(options) {
    super("/ws/system", { silenceMs: SYSTEM_SILENCE_MS, ...options });
  }

  /**
   * @override
   * @param {import("./socket.js").Message} message
   */
  dispatch(message) {
    // Figures of the past are not worth showing.
    if (message.replay && message.type === "system_status") return;
    pass(this, SYSTEM_NAMES, message);
  }
}

const SYSTEM_NAMES = { system_status: "status", service_status: "service" };

/**
 * `/ws/jobs/{id}/logs`: what a job has said so far, then what it says, until it
 * ends; `state` is `closed` then.
 *
 * @extends {ReconnectingSocket<{ log: import("./types.js").LogLine }>}
 */
export class JobLogSocket extends ReconnectingSocket {
  /**
   * @param {string} jobId
   * @param {import("./socket.js").SocketOptions} [options]
   */
  constructor(jobId, options) {
    super(`/ws/jobs/${encodeURIComponent(jobId)}/logs`, options);
    this.endsByItself = true;
  }

  /**
   * @override
   * @param {import("./socket.js").Message} message
   */
  dispatch(message) {
    pass(this, JOB_LOG_NAMES, message);
  }
}

const JOB_LOG_NAMES = { log: "log" };
