// A WebSocket that comes back.
//
// Reconnects after 1 s, doubling to 30 s, with jitter, for ever, also after
// close 1000: the server closes idle sockets with it, and a dashboard that
// took that as final would go silently blind. Sends a JSON ping every 60 s,
// answers the server's, and takes a socket that has said nothing for
// `silenceMs` for dead (a pulled cable closes nothing). Asks for what was
// missed, after a break or a hole in `seq`, and tells of a gap only when the box
// no longer has it. Keeps no messages.

import { Emitter } from "./emitter.js";
import { Api } from "./http.js";
import { Resumption } from "./resume.js";
import { realTiming, reconnectDelay } from "./timing.js";

/** How often the server hears from us; it closes after 300 s of silence. */
const PING_MS = 60_000;
/** The server pings every 30 s: two and a half of them missed is dead. */
const SILENCE_MS = 75_000;
/** A handshake that takes longer has failed. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Largest text that is parsed; the contract's messages are a few KB. */
const MESSAGE_MAX_CHARS = 1 << 20;
/** Close code of an end as planned. */
const NORMAL = 1000;
/** WebSocket.OPEN, which not every stand-in has. */
const OPEN = 1;

/**
 * @typedef {"connecting" | "open" | "waiting" | "closed"} SocketState
 *
 * @typedef {object} StateChange
 * @property {SocketState} state
 * @property {boolean} reconnected true when an `open` follows an earlier one
 * @property {boolean} resuming true when what was missed meanwhile is being replayed, or a `gap` will tell
 * @property {number | null} retryInMs set while `waiting`
 * @property {number | null} code close code
 * @property {string | null} reason in words
 *
 * @typedef {object} Gap
 * @property {number | null} expected first sequence number that is missing; null after a break
 * @property {number | null} missed how many; null when nobody knows
 *
 * @typedef {object} Message
 * @property {string} [type]
 * @property {number} [seq]
 * @property {any} [data]
 * @property {string} [timestamp]
 * @property {number} [lastSeq]
 * @property {string} [cursor] place in the stream of the box
 * @property {boolean} [replay] it comes from the history
 * @property {boolean} [gap_too_old] of a `resync_ack`: the box no longer has all of it
 *
 * @typedef {object} BaseEvents
 * @property {StateChange} state the connection changed
 * @property {Message} message anything but keepalive
 * @property {Gap} gap messages were missed and cannot be had again
 * @property {{ error: string, message: string, details?: any }} refused the server did not like what we sent
 *
 * @typedef {import("./http.js").Connection & {
 *   WebSocket?: any,
 *   timing?: import("./timing.js").Timing,
 *   silenceMs?: number,
 * }} SocketOptions
 */

/**
 * @template {Record<string, any>} Events
 * @extends {Emitter<Events & BaseEvents>}
 */
export class ReconnectingSocket extends Emitter {
  #ws = /** @type {any} */ (null);
  #failures = 0;
  #hasBeenOpen = false;
  #lastSeq = 0;
  #resumption = new Resumption();
  #hole = /** @type {Gap | null} */ (null);
  #patterns = /** @type {Set<string>} */ (new Set());
  #timers = /** @type {Map<string, any>} */ (new Map());

  /**
   * @param {string} path
   * @param {SocketOptions} [options]
   */
  constructor(path, options = {}) {
    super();
    this.path = path;
    this.api = new Api(options);
    this.timing = options.timing ?? realTiming;
    this.silenceMs = options.silenceMs ?? SILENCE_MS;
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
    /** Whether close 1000 is the end: the box has said all it will. */
    this.endsByItself = false;
    /** @type {SocketState} */
    this.state = "closed";
    /** When the last message of any kind came, on `timing`'s clock. @type {number | null} */
    this.lastMessageAt = null;
  }

  /** Connects and stays connected until `close`. */
  open() {
    if (this.state === "closed") this.#connect();
    return this;
  }

  /** Closes for good; `open` may be called again. */
  close() {
    this.#stopTimers();
    this.#drop("client disconnect");
    this.#enter("closed");
  }

  /** Tries at once instead of waiting for the next turn. */
  retryNow() {
    if (this.state === "waiting") this.#connect();
  }

  /** Milliseconds since the last message; null before the first. */
  messageAgeMs() {
    return this.lastMessageAt === null ? null : this.timing.now() - this.lastMessageAt;
  }

  /**
   * Sends a message if connected.
   *
   * @param {object} message
   */
  send(message) {
    if (this.#ws?.readyState === OPEN) this.#ws.send(JSON.stringify(message));
  }

  /**
   * Narrows what is sent to the patterns, such as `alert.*`, on this connection
   * and on later ones.
   *
   * @param {string[]} patterns
   */
  subscribe(patterns) {
    patterns.forEach((pattern) => this.#patterns.add(pattern));
    this.send({ type: "subscribe", data: { events: patterns } });
  }

  /** Wants everything again that this endpoint carries. */
  unsubscribe() {
    this.#patterns.clear();
    this.send({ type: "unsubscribe" });
  }

  /**
   * What to do with a message that is not keepalive; the sockets of the
   * endpoints turn it into their own events.
   *
   * @protected
   * @param {Message} message
   */
  dispatch(message) {
    void message;
  }

  #connect() {
    this.#stopTimers();
    const { url, protocols } = this.api.socket(this.path);
    this.#lastSeq = 0;
    this.#enter("connecting");
    let ws;
    try {
      ws = new this.WebSocket(url, protocols);
    } catch (error) {
      this.#lost(null, String(error));
      return;
    }
    this.#ws = ws;
    this.#after("watch", CONNECT_TIMEOUT_MS, () => this.#abandon("no handshake"));
    ws.onopen = () => this.#opened();
    ws.onmessage = (/** @type {{ data: any }} */ { data }) => this.#received(data);
    ws.onclose = (/** @type {{ code: number, reason: string }} */ close) =>
      this.#lost(close.code, close.reason);
    // Browsers say nothing useful here and always close afterwards.
    ws.onerror = () => {};
  }

  #opened() {
    const reconnected = this.#hasBeenOpen;
    this.#hasBeenOpen = true;
    this.#heard();
    this.#keepPinging();
    if (this.#patterns.size > 0) {
      this.send({ type: "subscribe", data: { events: [...this.#patterns] } });
    }
    const resuming = this.#catchUp({ expected: null, missed: null });
    this.#enter("open", { reconnected, resuming });
  }

  /**
   * Asks for what was missed since the last message.
   *
   * @param {Gap} hole what to tell of if it cannot be had
   * @returns {boolean} false when there is nothing to go on from
   */
  #catchUp(hole) {
    const wasAsking = this.#resumption.isAsking;
    const question = this.#resumption.ask();
    if (question) {
      this.#hole = hole;
      this.send(question);
    }
    return question !== null || wasAsking;
  }

  #keepPinging() {
    this.#after("ping", PING_MS, () => {
      this.send({ type: "ping" });
      this.#keepPinging();
    });
  }

  #heard() {
    this.lastMessageAt = this.timing.now();
    this.#after("watch", this.silenceMs, () => this.#abandon("the box went silent"));
  }

  /** @param {any} text */
  #received(text) {
    this.#heard();
    const message = parse(text);
    if (!message) return;
    // A refused key is accepted and then closed: only a message proves that
    // the connection works, so only a message ends the backing off.
    this.#failures = 0;
    this.#followSequence(message);
    const fromUs = /** @type {Emitter<any>} */ (this);
    switch (message.type) {
      case "ping":
        this.#resumption.caughtUp(message.cursor);
        return this.send({ type: "pong" });
      case "pong":
        return;
      case "resync_ack":
        return this.#replayed(message.gap_too_old === true);
      case "error":
        fromUs.emit("refused", message);
        if (this.#resumption.isAsking && isAboutResync(message)) this.#replayed(true);
        return;
    }
    if (!this.#resumption.isNews(message)) return;
    fromUs.emit("message", message);
    this.dispatch(message);
  }

  /** @param {boolean} isTooOld something is missing before the first one replayed */
  #replayed(isTooOld) {
    const hole = this.#hole;
    const question = this.#resumption.answered();
    if (question) this.send(question);
    else this.#hole = null;
    if (isTooOld) /** @type {Emitter<any>} */ (this).emit("gap", hole);
  }

  /** @param {Message} message */
  #followSequence({ seq, lastSeq }) {
    // A message is the newest itself; a heartbeat names the newest before it.
    const newest = seq ?? lastSeq;
    if (typeof newest !== "number") return;
    const expected = this.#lastSeq + 1;
    const missed = newest - expected + (seq === undefined ? 1 : 0);
    this.#lastSeq = Math.max(this.#lastSeq, newest);
    if (missed <= 0 || this.#catchUp({ expected, missed })) return;
    /** @type {Emitter<any>} */ (this).emit("gap", { expected, missed });
  }

  /** @param {string} reason */
  #abandon(reason) {
    this.#drop(reason);
    this.#lost(null, reason);
  }

  /**
   * Lets go of the socket without waiting for its close handshake, which a dead
   * peer never answers.
   *
   * @param {string} reason
   */
  #drop(reason) {
    const ws = this.#ws;
    this.#ws = null;
    if (!ws) return;
    ws.onopen = ws.onmessage = ws.onclose = null;
    ws.close(1000, reason);
  }

  /**
   * @param {number | null} code
   * @param {string} reason
   */
  #lost(code, reason) {
    this.#ws = null;
    this.#resumption.lost();
    this.#stopTimers();
    if (code === NORMAL && this.endsByItself) {
      this.#enter("closed", { code, reason });
      return;
    }
    this.#failures += 1;
    const retryInMs = reconnectDelay(this.#failures, this.timing.random());
    this.#after("retry", retryInMs, () => this.#connect());
    this.#enter("waiting", { retryInMs, code, reason });
  }

  /**
   * @param {SocketState} state
   * @param {Partial<StateChange>} [more]
   */
  #enter(state, more = {}) {
    this.state = state;
    const change = {
      state,
      reconnected: false,
      resuming: false,
      retryInMs: null,
      code: null,
      reason: null,
    };
    /** @type {Emitter<any>} */ (this).emit("state", { ...change, ...more });
  }

  /**
   * One timer per purpose; a new one replaces the old.
   *
   * @param {string} purpose
   * @param {number} ms
   * @param {() => void} run
   */
  #after(purpose, ms, run) {
    this.timing.cancel(this.#timers.get(purpose));
    this.#timers.set(purpose, this.timing.after(run, ms));
  }

  #stopTimers() {
    this.#timers.forEach((timer) => this.timing.cancel(timer));
    this.#timers.clear();
  }
}

/**
 * Whether the box did not like our asking for a replay.
 *
 * @param {any} error
 */
function isAboutResync(error) {
  return error.details?.example?.type === "resync";
}

/**
 * @param {any} text
 * @returns {Message | null} null for anything that is not a JSON object
 */
function parse(text) {
  if (typeof text !== "string" || text.length > MESSAGE_MAX_CHARS) return null;
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
