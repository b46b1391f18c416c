// Time and waiting. Everything in this library that waits does so through a
// `Timing`, so that tests turn the clock by hand.

/** First wait before a lost connection is tried again, milliseconds. */
export const RECONNECT_FIRST_MS = 1_000;
/** Longest wait between two attempts, milliseconds, before jitter. */
export const RECONNECT_MAX_MS = 30_000;
/** Share of the wait by which it is varied up or down, so that clients of a
 * restarted box do not return in one wave. */
const RECONNECT_JITTER = 0.25;

/**
 * @typedef {object} Timing
 * @property {() => number} now milliseconds of a clock that never goes back
 * @property {(run: () => void, ms: number) => any} after calls `run` once after `ms`
 * @property {(timer: any) => void} cancel forgets what `after` returned
 * @property {() => number} random 0 to 1
 */

/** The clock of the machine. @type {Timing} */
export const realTiming = {
  now: () => performance.now(),
  after: (run, ms) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer),
  random: Math.random,
};

/**
 * How long to wait before the attempt after `failures` failures in a row.
 *
 * @param {number} failures 1 or more
 * @param {number} random 0 to 1
 * @returns {number} milliseconds
 */
export function reconnectDelay(failures, random) {
  // 2^5 s is beyond the longest wait already; a bounded exponent stays finite.
  const doubled = RECONNECT_FIRST_MS * 2 ** Math.min(Math.max(failures, 1) - 1, 5);
  const spread = 1 + RECONNECT_JITTER * (2 * random - 1);
  return Math.round(Math.min(doubled, RECONNECT_MAX_MS) * spread);
}
