// Joins the box and the page: opens the sockets, asks for what they do not
// carry, and writes everything into the store.
//
// The event stream of the camera contract stays closed here: browsers allow six
// connections to one host, the pictures need them, and `/ws/events` tells of
// camera states as well. The socket makes up for what it has missed; where it
// cannot (a gap, a break before the first message) the newest page is asked for
// again.

import { Api, ApiError, CameraManager, EventsSocket, SystemSocket } from "../client/index.js";
import { ALERTS_MAX, fromPage, withAlert } from "./alert-list.js";
import { NO_FILTERS, withLive, withNewest, withOlder, without } from "./event-list.js";
import { healthFrom, withService } from "./health.js";

/** Events a page. */
const PAGE = 30;
/** Health is also told by messages; asking again catches what they missed. */
const HEALTH_POLL_MS = 30_000;
/** Figures come every few seconds; without any for this long, what is shown is
 * old, whatever the sockets say. */
const STALE_MS = 12_000;
/** Where the key waits for a reload; gone when the tab is closed. */
const KEY_ITEM = "watchpost.api-key";
/** Classes offered in the filter at most. */
const LABELS_MAX = 80;
/** Levels that are read out when they come. */
const SERIOUS = ["high", "critical"];
/** Close code of a refused key. */
const POLICY_VIOLATION = 1008;

/** @typedef {import("./event-list.js").Filters} Filters */

export class Session {
  #request = 0;
  #isRefused = false;
  #healthTimer = /** @type {any} */ (null);
  #staleTimer = /** @type {any} */ (null);

  /** @param {import("./state.js").Store} store */
  constructor(store) {
    this.store = store;
    const options = { apiKey: sessionStorage.getItem(KEY_ITEM) };
    this.api = new Api(options);
    this.manager = new CameraManager({ ...options, stream: false, autoConnect: false });
    this.events = new EventsSocket(options);
    this.system = new SystemSocket(options);
    this.#listenToCameras();
    this.#listenToEvents();
    this.#listenToSystem();
  }

  /** Connects to everything. */
  start() {
    this.manager.start();
    this.events.open();
    this.system.open();
    void this.loadNewest();
    void this.#loadAlerts();
    void this.#watchHealth();
  }

  /** Disconnects from everything. */
  stop() {
    clearTimeout(this.#healthTimer);
    clearTimeout(this.#staleTimer);
    this.manager.stop();
    this.events.close();
    this.system.close();
  }

  /** Tries lost connections at once: the device is back on the network. */
  retryNow() {
    this.#retrySockets();
    void this.manager.refresh();
  }

  /** Starts anew with a key that somebody typed. @param {string} key */
  useKey(key) {
    sessionStorage.setItem(KEY_ITEM, key);
    location.reload();
  }

  /** @param {Partial<Filters>} change */
  filter(change) {
    const filters = { ...this.store.value.filters, ...change };
    this.store.set({ filters, events: { items: [], cursor: null }, eventsLoaded: false });
    return this.loadNewest();
  }

  /** Shows everything again. */
  clearFilters() {
    return this.filter(NO_FILTERS);
  }

  /** Asks for the newest page and joins it with what is held. */
  loadNewest() {
    return this.#load({}, withNewest);
  }

  /** Asks for the page after the last one. */
  async loadOlder() {
    const { events, eventsPhase } = this.store.value;
    if (events.cursor !== null && eventsPhase === "idle") {
      await this.#load({ cursor: events.cursor }, withOlder);
    }
  }

  /**
   * Marks an event as looked at, or not.
   *
   * @param {number} id
   * @param {boolean} reviewed
   */
  async review(id, reviewed) {
    try {
      const event = await this.api.patch(`/api/events/${id}`, { reviewed });
      this.#news({ ...(typeof event?.id === "number" ? event : {}), id, reviewed });
    } catch (error) {
      this.#fail(error, (notice) => ({ notice }));
    }
  }

  /**
   * Says that an alert was seen, or closes it.
   *
   * @param {string} id
   * @param {"acknowledge" | "dismiss"} action
   */
  async actOn(id, action) {
    try {
      this.#alert(await this.api.post(`/api/alerts/${id}/${action}`));
    } catch (error) {
      // Somebody else was faster: that is what was wanted.
      if (error instanceof ApiError && error.status === 409) return this.#loadAlerts();
      this.#fail(error, (notice) => ({ notice }));
    }
  }

  /** @param {number | null} id */
  open(id) {
    this.store.set({ openEvent: id });
  }

  /** @param {boolean} areRulesOpen */
  showRules(areRulesOpen) {
    this.store.set({ areRulesOpen });
  }

  /** @param {string | null} controlOf which camera */
  showControl(controlOf) {
    this.store.set({ controlOf });
  }

  /** @param {string | null} recordingOf which camera */
  showRecording(recordingOf) {
    this.store.set({ recordingOf });
  }

  dismissNotice() {
    this.store.set({ notice: null });
  }

  #retrySockets() {
    this.events.retryNow();
    this.system.retryNow();
  }

  #listenToCameras() {
    this.manager.on("cameras", (cameras) => {
      this.store.set({ cameras, camerasTrouble: null });
      // The box answers: no need to wait out the sockets' backing off. A refused
      // key is another matter; hammering would only be refused again.
      if (!this.#isRefused) this.#retrySockets();
    });
    this.manager.on("connection-failed", ({ error }) =>
      this.#fail(error, (camerasTrouble) => ({ camerasTrouble })),
    );
  }

  #listenToEvents() {
    this.events.on("event", (event) => this.#news(event));
    this.events.on("event-updated", (event) => this.#news(event));
    this.events.on("event-deleted", ({ id }) =>
      this.store.set({ events: without(this.store.value.events, id) }),
    );
    this.events.on("alert", (alert) => this.#alert(alert));
    this.events.on("alert-updated", (alert) => this.#alert(alert));
    this.events.on("camera-status", () => void this.manager.refresh());
    this.events.on("gap", () => this.#catchUp());
    this.events.on("message", () => this.#heard());
    this.events.on("state", ({ state, reconnected, resuming, code }) => {
      if (state === "waiting") this.#isRefused = code === POLICY_VIOLATION;
      if (state === "open" && reconnected && !resuming) this.#catchUp();
    });
  }

  #catchUp() {
    void this.loadNewest();
    void this.#loadAlerts();
  }

  async #loadAlerts() {
    const before = this.store.value.alerts;
    try {
      const query = { status: "pending", limit: ALERTS_MAX };
      const { items } = await this.api.get("/api/alerts", query);
      const meanwhile = this.store.value.alerts.filter((alert) => !before.includes(alert));
      this.store.set({ alerts: fromPage(items ?? [], meanwhile) });
    } catch (error) {
      // The list of events, asked for at the same time, tells what is wrong.
      this.#fail(error, () => ({}));
    }
  }

  /** @param {import("./alert-list.js").Alert} alert */
  #alert(alert) {
    this.store.set({ alerts: withAlert(this.store.value.alerts, alert) });
  }

  #listenToSystem() {
    this.system.on("status", (figures) => {
      const isNew = figures.health !== this.store.value.health?.status;
      this.store.set({ figures });
      if (isNew) void this.#watchHealth();
    });
    this.system.on("service", (service) => {
      this.store.set({ health: withService(this.store.value.health, service) });
      void this.#watchHealth();
    });
    this.system.on("message", () => this.#heard());
    this.system.on("state", ({ state }) => {
      if (state === "waiting") this.store.set({ link: "lost" });
    });
  }

  #heard() {
    clearTimeout(this.#staleTimer);
    this.#staleTimer = setTimeout(() => this.store.set({ link: "lost" }), STALE_MS);
    this.store.set({ link: "live", lastMessageAt: performance.now() });
  }

  /** @param {Partial<import("../client/types.js").SecurityEvent> & { id: number }} news */
  #news(news) {
    const { events, filters } = this.store.value;
    const isNew = !events.items.some(({ id }) => id === news.id);
    if (isNew && SERIOUS.includes(news.risk_level ?? "")) {
      this.store.set({ announcement: `${news.risk_level} risk: ${news.summary}` });
    }
    this.store.set({ events: withLive(events, news, filters) });
    this.#learnLabels([news]);
  }

  /** @param {{ object_type?: string }[]} events */
  #learnLabels(events) {
    const { labels } = this.store.value;
    const seen = events.flatMap(({ object_type }) => (object_type ? [object_type] : []));
    const all = new Set([...labels, ...seen]);
    if (all.size > labels.length && all.size <= LABELS_MAX) {
      this.store.set({ labels: [...all].sort() });
    }
  }

  /**
   * @param {Record<string, string>} query
   * @param {(list: import("./event-list.js").EventList, page: import("./event-list.js").EventList) => import("./event-list.js").EventList} join
   */
  async #load(query, join) {
    const request = (this.#request += 1);
    const { filters } = this.store.value;
    this.store.set({ eventsPhase: "loading", eventsTrouble: null });
    try {
      const answer = await this.api.get("/api/events", {
        limit: PAGE,
        camera_id: filters.camera,
        risk_level: filters.level,
        object_type: filters.label,
        ...query,
      });
      if (request !== this.#request) return;
      const { has_more, next_cursor } = answer.pagination ?? {};
      const page = { items: answer.items ?? [], cursor: has_more ? (next_cursor ?? null) : null };
      const events = join(this.store.value.events, page);
      this.store.set({ events, eventsPhase: "idle", eventsLoaded: true });
      this.#learnLabels(page.items);
    } catch (error) {
      if (request !== this.#request) return;
      this.#fail(error, (eventsTrouble) => ({ eventsTrouble, eventsPhase: "failed" }));
    }
  }

  async #watchHealth() {
    clearTimeout(this.#healthTimer);
    this.#healthTimer = setTimeout(() => void this.#watchHealth(), HEALTH_POLL_MS);
    try {
      // An unhealthy box answers 503, with the same body.
      const answer = await this.api.get("/api/system/health", {}, { alsoOk: [503] });
      this.store.set({ health: healthFrom(answer) });
    } catch (error) {
      // The line on top already says when the box cannot be reached.
      this.#fail(error, () => ({}));
    }
  }

  /**
   * @param {unknown} error
   * @param {(trouble: import("./state.js").Trouble) => Partial<import("./state.js").State>} change
   */
  #fail(error, change) {
    if (error instanceof ApiError && error.needsKey) {
      this.stop();
      this.store.set({ keyNeeded: this.api.apiKey ? "refused" : "missing" });
      return;
    }
    const hint = error instanceof ApiError ? error.hint : null;
    this.store.set(change({ message: error instanceof Error ? error.message : String(error), hint }));
  }
}
