// The picture of an event, and its video in the same place when somebody asks for
// it. Nothing of the video is fetched before.

import { html, useState } from "./html.js";

/** So long before the event the video begins to play: enough to see it come. */
const LEAD_S = 2;

/**
 * @typedef {import("../client/types.js").SecurityEvent} SecurityEvent
 * @typedef {import("./session.js").Session} Session
 */

/** @param {{ event: SecurityEvent, session: Session, children: any }} props */
export function EventVideo({ event, session, children }) {
  const [isOpen, setOpen] = useState(false);
  const [isBroken, setBroken] = useState(false);
  const { clip } = event;
  if (!clip) return children;
  if (clip.status !== "ready" || isBroken) {
    const words = clip.status === "recording" && !isBroken
      ? "The video is being recorded."
      : "The video of this event was removed to make room.";
    return html`${children}<p class="video-line small">${words}</p>`;
  }
  if (isOpen) {
    const start = Math.max(0, (clip.event_at_ms ?? 0) / 1000 - LEAD_S);
    const address = session.api.clipUrl(event.id);
    return html`
      <div class="snapshot">
        <video src=${`${address}#t=${start}`} controls autoplay muted playsinline
          aria-label=${`Video: ${event.summary}`} onError=${() => setBroken(true)}></video>
      </div>
      <p class="video-line"><button class="button" type="button" onClick=${() => setOpen(false)}>Show the picture</button></p>
    `;
  }
  return html`
    ${children}
    <p class="video-line">
      <button class="button" type="button" onClick=${() => setOpen(true)}>Play the video (${seconds(clip.duration_ms)})</button>
    </p>
  `;
}

/** @param {number | null | undefined} ms */
function seconds(ms) {
  return `${Math.max(1, Math.round((ms ?? 0) / 1000))} s`;
}
