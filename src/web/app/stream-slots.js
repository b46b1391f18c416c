// Which tiles hold a stream. A browser allows six connections to one host, and
// other requests need some: a few tiles watch a stream, further ones ask for
// stills until a stream is free; then the one that waits longest gets it.

/** A fixed number of streams, and who waits for one. */
export class Slots {
  #holders = /** @type {Set<Watching>} */ (new Set());
  #waiters = /** @type {Set<Watching>} */ (new Set());

  /** @param {number} max */
  constructor(max) {
    this.max = max;
  }

  /** @param {Watching} tile */
  knows(tile) {
    return this.#holders.has(tile) || this.#waiters.has(tile);
  }

  /**
   * Gives `tile` a stream now or later.
   *
   * @param {Watching} tile
   * @returns {boolean} whether now
   */
  take(tile) {
    const isFree = this.#holders.size < this.max;
    (isFree ? this.#holders : this.#waiters).add(tile);
    return isFree;
  }

  /** Takes back what `tile` has or waits for. @param {Watching} tile */
  give(tile) {
    this.#waiters.delete(tile);
    const [next] = this.#waiters;
    if (!this.#holders.delete(tile) || !next) return;
    this.#waiters.delete(next);
    this.#holders.add(next);
    next.stream();
  }
}

/**
 * @typedef {object} View
 * @property {() => any} open
 * @property {() => any} close
 */

/** One tile: the stream when it may, stills until then, nothing when not seen. */
export class Watching {
  /**
   * @param {Slots} slots
   * @param {{ live: View, still: View }} views
   */
  constructor(slots, views) {
    this.slots = slots;
    this.views = views;
  }

  /** Somebody looks. */
  begin() {
    if (this.slots.knows(this)) return;
    if (this.slots.take(this)) this.stream();
    else this.views.still.open();
  }

  /** A stream is free. */
  stream() {
    this.views.still.close();
    this.views.live.open();
  }

  /** Nobody looks any more. */
  end() {
    this.views.still.close();
    this.views.live.close();
    this.slots.give(this);
  }
}
