// The list of events that the page holds: newest first, one entry an id,
// bounded. Pure functions on plain data; the session decides when.
//
// At most `EVENTS_MAX` entries: beyond it the oldest go, and the reader is told
// to narrow the filters. Live revisions change an entry in place.

/** Entries held at most; a thousand cards are more than anyone scrolls through
 * and few enough for a phone. */
export const EVENTS_MAX = 1000;

/**
 * @typedef {import("../client/types.js").SecurityEvent} SecurityEvent
 *
 * @typedef {object} Filters empty text means any
 * @property {string} camera
 * @property {string} level
 * @property {string} label
 *
 * @typedef {object} EventList
 * @property {SecurityEvent[]} items
 * @property {string | null} cursor where the next page begins; null when there is none
 */

/** @type {Filters} */
export const NO_FILTERS = { camera: "", level: "", label: "" };

/**
 * @param {SecurityEvent} event
 * @param {Filters} filters
 */
export function matches(event, filters) {
  return (
    (!filters.camera || event.camera_id === filters.camera) &&
    (!filters.level || event.risk_level === filters.level) &&
    (!filters.label || event.object_type === filters.label)
  );
}

/**
 * The list with a live event, new or revised. An event that is older than all
 * that was loaded stays out: it belongs to a page not asked for yet.
 *
 * @param {EventList} list
 * @param {Partial<SecurityEvent> & { id: number }} news
 * @param {Filters} filters
 * @returns {EventList}
 */
export function withLive(list, news, filters) {
  const known = list.items.find((event) => event.id === news.id);
  if (known && (news.revision ?? Infinity) < (known.revision ?? 0)) return list;
  const event = /** @type {SecurityEvent} */ ({ ...known, ...news });
  const others = list.items.filter((other) => other !== known);
  const oldest = list.items.at(-1);
  const isBeyond = list.cursor !== null && oldest !== undefined && newestFirst(oldest, event) < 0;
  const isComplete = Boolean(event.started_at && event.camera_id);
  if (!isComplete || !matches(event, filters) || (!known && isBeyond)) {
    return known ? { ...list, items: others } : list;
  }
  return { ...list, items: bounded([...others, event]) };
}

/**
 * The list without an event.
 *
 * @param {EventList} list
 * @param {number} id
 * @returns {EventList}
 */
export function without(list, id) {
  return { ...list, items: list.items.filter((event) => event.id !== id) };
}

/**
 * The list with the next, older page.
 *
 * @param {EventList} list
 * @param {EventList} page
 * @returns {EventList}
 */
export function withOlder(list, page) {
  const items = bounded(merged(list.items, page.items));
  return { items, cursor: items.length < EVENTS_MAX ? page.cursor : null };
}

/**
 * The list after the newest page was asked for again, because messages may have
 * been missed. When that page reaches back to what is held, the two are joined;
 * otherwise there is a hole between them and the page begins the list anew.
 *
 * @param {EventList} list
 * @param {EventList} page
 * @returns {EventList}
 */
export function withNewest(list, page) {
  const held = new Set(list.items.map((event) => event.id));
  const overlaps = page.items.some((event) => held.has(event.id));
  const items = bounded(merged(list.items, page.items));
  const isFromPage = items.at(-1) === page.items.at(-1);
  return overlaps ? { items, cursor: isFromPage ? page.cursor : list.cursor } : page;
}

/**
 * @param {SecurityEvent[]} before
 * @param {SecurityEvent[]} after wins where both have an event
 */
function merged(before, after) {
  const byId = new Map(before.map((event) => [event.id, event]));
  after.forEach((event) => byId.set(event.id, event));
  return [...byId.values()];
}

/** @param {SecurityEvent[]} items */
function bounded(items) {
  return items.sort(newestFirst).slice(0, EVENTS_MAX);
}

/**
 * @param {SecurityEvent} a
 * @param {SecurityEvent} b
 */
function newestFirst(a, b) {
  return Date.parse(b.started_at) - Date.parse(a.started_at) || b.id - a.id;
}
