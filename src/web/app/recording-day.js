// A day and what is recorded of it, in numbers. Pure functions; times are
// milliseconds since 1970.

/** The longest stretch that is asked for at once, as the box allows. */
const STRETCH_MAX_MS = 60 * 60 * 1000;
/** A click into a gap means what comes next, if it comes so soon. */
const GAP_MAX_MS = 10 * 60 * 1000;

/** @typedef {{ start: string, end: string }} Span */

/**
 * Midnight, where the viewer is, so many days after the day of `at`. A day has 23
 * or 25 hours when clocks change.
 *
 * @param {number} at
 * @param {number} days
 */
export function addDays(at, days) {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/**
 * Where a time lies between two others: 0 to 1.
 *
 * @param {number} at
 * @param {number} start
 * @param {number} end
 */
export function positionOf(at, start, end) {
  return Math.min(1, Math.max(0, (at - start) / (end - start)));
}

/**
 * What plays when somebody wants to see `at`: from there, or from the next picture
 * after a gap, to the end of the stretch.
 *
 * @param {Span[]} spans in order
 * @param {number} at
 * @returns {{ from: number, until: number } | null}
 */
export function stretchAt(spans, at) {
  for (const { start, end } of spans) {
    const [first, last] = [Date.parse(start), Date.parse(end)];
    if (last <= at) continue;
    if (first - at > GAP_MAX_MS) return null;
    const from = Math.max(first, at);
    return { from, until: Math.min(last, from + STRETCH_MAX_MS) };
  }
  return null;
}

/**
 * Where it goes on after `until`, however long the gap is.
 *
 * @param {Span[]} spans in order
 * @param {number} until
 * @returns {number | null}
 */
export function nextAt(spans, until) {
  const next = spans.find(({ end }) => Date.parse(end) > until);
  return next ? Math.max(until, Date.parse(next.start)) : null;
}
