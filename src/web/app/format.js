// Times, spans and numbers in words. Pure functions; `now` is handed in.
//
// Times are shown in the zone of the viewer, with UTC where there is room for
// it: an event is discussed by people in different places.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** @param {string} iso */
export function clockTime(iso) {
  return isTime(iso) ? CLOCK.format(new Date(iso)) : "unknown time";
}

/** @param {string} iso */
export function fullTime(iso) {
  return isTime(iso) ? FULL.format(new Date(iso)) : "unknown time";
}

/** The same moment in UTC, for a tooltip. @param {string} iso */
export function utcTime(iso) {
  return isTime(iso) ? `${new Date(iso).toISOString().replace("T", " ").slice(0, 19)} UTC` : iso;
}

/**
 * `Today`, `Yesterday` or the date.
 *
 * @param {string} iso
 * @param {Date} now
 */
export function dayName(iso, now) {
  if (!isTime(iso)) return "Unknown day";
  const day = new Date(iso).toDateString();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (day === now.toDateString()) return "Today";
  return day === yesterday.toDateString() ? "Yesterday" : DAY.format(new Date(iso));
}

/** A span such as `8 s`, `3 min 20 s`, `2 h 5 min`. @param {number} ms */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 10) return s % 60 ? `${minutes} min ${s % 60} s` : `${minutes} min`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "1 day" : `${days} days`;
}

/** How long ago. @param {number} ms */
export function ago(ms) {
  return ms < 1500 ? "just now" : `${span(ms)} ago`;
}

/**
 * How long an event lasted, or has lasted so far.
 *
 * @param {import("../client/types.js").SecurityEvent} event
 * @param {number} nowMs
 */
export function duration(event, nowMs) {
  const end = event.ended_at ? Date.parse(event.ended_at) : nowMs;
  return span(end - Date.parse(event.started_at));
}

/** `person` as `Person`, `cell_phone` as `Cell phone`. @param {string | undefined} label */
export function title(label) {
  const words = (label || "object").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a machine said, as a sentence: a capital letter and a full stop. @param {string} text */
export function sentence(text) {
  const words = text.trim();
  const capital = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(capital) || capital === "" ? capital : `${capital}.`;
}

/** @param {number | null | undefined} share 0 to 1 */
export function percent(share) {
  return typeof share === "number" ? `${Math.round(share * 100)} %` : "";
}

/**
 * A figure with its unit, or a dash when the box does not know it.
 *
 * @param {number | null | undefined} value
 * @param {string} unit
 * @param {number} [digits]
 */
export function figure(value, unit, digits = 0) {
  return typeof value === "number" ? `${value.toFixed(digits)} ${unit}` : "–";
}

/** @param {string} iso */
function isTime(iso) {
  return Number.isFinite(Date.parse(iso));
}

/** Bytes in the unit that says enough. @param {number} bytes */
export function fileSize(bytes) {
  if (bytes < 1_000_000) return `${Math.max(1, Math.round(bytes / 1000))} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
