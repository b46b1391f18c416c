// Taking up the stream where it broke off.
//
// Every data message names its place in the stream of the box, its `cursor`. On
// a new connection the last one is sent back with `resync`; the box replays what
// came since and ends with `resync_ack`. What was seen before is told by its
// cursor and dropped. Remembers the last cursors, no messages.

/** Cursors remembered: more than the box keeps messages by default. */
const SEEN_MAX = 2_000;

/** What to ask, what is new, and how far we have come. */
export class Resumption {
  #cursor = /** @type {string | null} */ (null);
  /** The newest live message while a replay is under way: what lies before it is
   * still to come, so it counts only when the replay has ended. */
  #later = /** @type {string | null} */ (null);
  #isAsking = false;
  #hasNewHole = false;
  #seen = /** @type {Set<string>} */ (new Set());

  /** A replay is under way. */
  get isAsking() {
    return this.#isAsking;
  }

  /**
   * What to send after a break or a hole.
   *
   * @returns {object | null} null when there is nothing to go on from
   */
  ask() {
    if (this.#cursor === null) return null;
    if (this.#isAsking) {
      this.#hasNewHole = true;
      return null;
    }
    this.#isAsking = true;
    return { type: "resync", data: { cursor: this.#cursor } };
  }

  /** The connection ended, and with it any replay. */
  lost() {
    this.#isAsking = false;
    this.#hasNewHole = false;
    this.#later = null;
  }

  /**
   * Follows a data message.
   *
   * @param {import("./socket.js").Message} message
   * @returns {boolean} whether it was not seen before
   */
  isNews({ type, cursor, replay }) {
    if (typeof cursor !== "string") return true;
    if (this.#isAsking && replay !== true) this.#later = cursor;
    else this.#cursor = cursor;
    // What only this client gets has the place of the message before it, which is
    // of another type or, as figures are, worth having once.
    const place = `${type} ${cursor}`;
    if (this.#seen.has(place)) return false;
    this.#seen.add(place);
    if (this.#seen.size > SEEN_MAX) this.#seen.delete(this.#seen.values().next().value ?? "");
    return true;
  }

  /**
   * A heartbeat with a cursor says that all before it has been sent.
   *
   * @param {unknown} cursor
   */
  caughtUp(cursor) {
    if (typeof cursor === "string" && !this.#isAsking) this.#cursor = cursor;
  }

  /**
   * The replay has ended.
   *
   * @returns {object | null} what to ask next, when there was a hole meanwhile
   */
  answered() {
    const hasNewHole = this.#hasNewHole;
    if (!hasNewHole) this.#cursor = this.#later ?? this.#cursor;
    this.lost();
    return hasNewHole ? this.ask() : null;
  }
}
