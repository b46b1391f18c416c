// What the page knows, in one object, and who wants to hear when it changes.
//
// The session writes it, the components read it; nothing else does. Changes
// that come in one turn are announced once, with the next animation frame.

import { useEffect, useState } from "./html.js";
import { NO_FILTERS } from "./event-list.js";

/**
 * @typedef {object} Health
 * @property {import("../client/types.js").HealthState} status
 * @property {Service[]} services worst first
 *
 * @typedef {object} Service
 * @property {string} name
 * @property {string} status
 * @property {string} message
 * @property {string | null} nextStep
 *
 * @typedef {object} Trouble what went wrong, for people
 * @property {string} message
 * @property {string | null} hint
 *
 * @typedef {object} State
 * @property {import("../client/types.js").Camera[] | null} cameras null until the box answered
 * @property {Trouble | null} camerasTrouble
 * @property {import("./event-list.js").EventList} events
 * @property {"idle" | "loading" | "failed"} eventsPhase
 * @property {boolean} eventsLoaded whether the first page has come
 * @property {Trouble | null} eventsTrouble
 * @property {import("./alert-list.js").Alert[]} alerts that nobody has seen yet
 * @property {import("./event-list.js").Filters} filters
 * @property {string[]} labels classes seen so far
 * @property {Health | null} health
 * @property {import("../client/types.js").SystemStatus | null} figures
 * @property {"connecting" | "live" | "lost"} link
 * @property {number | null} lastMessageAt on the clock of `performance.now`
 * @property {"none" | "missing" | "refused"} keyNeeded
 * @property {boolean} areRulesOpen whether the dialog of the alert rules is there
 * @property {string | null} controlOf the camera that is in the hand
 * @property {string | null} recordingOf the camera whose recording is looked at
 * @property {number | null} openEvent id of the event in the dialog
 * @property {string} announcement the newest serious event, for screen readers
 * @property {Trouble | null} notice a failed action, until it is dismissed
 */

/** @type {State} */
const INITIAL = {
  cameras: null,
  camerasTrouble: null,
  events: { items: [], cursor: null },
  eventsPhase: "idle",
  eventsLoaded: false,
  eventsTrouble: null,
  alerts: [],
  filters: NO_FILTERS,
  labels: [],
  health: null,
  figures: null,
  link: "connecting",
  lastMessageAt: null,
  keyNeeded: "none",
  areRulesOpen: false,
  controlOf: null,
  recordingOf: null,
  openEvent: null,
  announcement: "",
  notice: null,
};

/** A value that can be watched. */
export class Store {
  #listeners = /** @type {Set<() => void>} */ (new Set());
  #isAnnouncing = false;

  constructor() {
    /** @type {State} */
    this.value = INITIAL;
  }

  /** @param {Partial<State>} change */
  set(change) {
    this.value = { ...this.value, ...change };
    if (this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    // A hidden page gets no animation frames and needs none.
    requestAnimationFrame(() => {
      this.#isAnnouncing = false;
      this.#listeners.forEach((listener) => listener());
    });
  }

  /** @param {() => void} listener */
  watch(listener) {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/**
 * The state, for a component that renders again whenever it changes.
 *
 * @param {Store} store
 * @returns {State}
 */
export function useStore(store) {
  const [value, setValue] = useState(store.value);
  useEffect(() => store.watch(() => setValue(store.value)), [store]);
  return value;
}

/**
 * The time of the machine, anew every second, for what shows ages.
 *
 * @returns {number} milliseconds since 1970
 */
export function useNow() {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
