// The alerts that nobody has seen yet: newest first, one entry an id, bounded.
// Pure functions on plain data; the session decides when.

/** Entries held at most. The panel shows fewer; the rest are counted. */
export const ALERTS_MAX = 50;

/** @typedef {import("../client/types.js").Alert & { camera_id?: string }} Alert */

/** Whether somebody still has to look. @param {Alert} alert */
export function isOpen({ status }) {
  return status === "pending" || status === "delivered";
}

/**
 * The list after news of an alert: a new one, a changed one, or one that somebody
 * has seen.
 *
 * @param {Alert[]} list
 * @param {Alert} news
 * @returns {Alert[]}
 */
export function withAlert(list, news) {
  const known = list.find(({ id }) => id === news.id);
  if (known && known.updated_at > news.updated_at) return list;
  const others = list.filter((alert) => alert !== known);
  return isOpen(news) ? bounded([...others, { ...known, ...news }]) : others;
}

/**
 * The list after it was asked for: what the box says, and what has come meanwhile.
 *
 * @param {Alert[]} page
 * @param {Alert[]} meanwhile
 * @returns {Alert[]}
 */
export function fromPage(page, meanwhile) {
  return meanwhile.reduce(withAlert, bounded(page.filter(isOpen)));
}

/** @param {Alert[]} alerts */
function bounded(alerts) {
  const newestFirst = (/** @type {Alert} */ a, /** @type {Alert} */ b) =>
    a.created_at < b.created_at ? 1 : -1;
  return [...alerts].sort(newestFirst).slice(0, ALERTS_MAX);
}
