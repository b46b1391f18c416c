// The picture of an event, and its video in the same place when somebody asks for
// it. Nothing of the video is fetched before.

import { html, useState } from "./html.js";
import { sentence } from "./format.js";

/** So long before the event the video begins to play: enough to see it come. */
const LEAD_S = 2;

/**
 * @typedef {import("../client/types.js").SecurityEvent} SecurityEvent
 * @typedef {import("./session.js").Session} Session
 */

/** @param {{ event: SecurityEvent, session: Session, children: any }} props */
export function EventVideo({ event, session, children }) {
  // What plays goes on playing when the clip is finished meanwhile.
  const [address, setAddress] = useState("");
  const [trouble, setTrouble] = useState("");
  const { clip } = event;
  if (!clip) return children;
  if (clip.status === "removed" || trouble) {
    const words = trouble || "The video of this event was removed to make room.";
    return html`${children}<p class="video-line small">${words}</p>`;
  }
  const isGrowing = clip.status === "recording";
  const open = () => {
    if (!isGrowing) return setAddress(session.api.clipUrl(event.id));
    session.api.growingClipUrl(event.id).then(setAddress, (error) => setTrouble(sentence(error.message)));
  };
  if (address) {
    const start = Math.max(0, (clip.event_at_ms ?? 0) / 1000 - LEAD_S);
    return html`
      <div class="snapshot">
        <video src=${`${address}#t=${start}`} controls autoplay muted playsinline
          aria-label=${`Video: ${event.summary}`} onError=${() => setTrouble("The video cannot be played, or was removed to make room.")}></video>
      </div>
      <p class="video-line"><button class="button" type="button" onClick=${() => setAddress("")}>Show the picture</button></p>
    `;
  }
  return html`
    ${children}
    <p class="video-line">
      <button class="button" type="button" onClick=${open}>${isGrowing ? "Play what there is so far" : `Play the video (${seconds(clip.duration_ms)})`}</button>
    </p>
  `;
}

/** @param {number | null | undefined} ms */
function seconds(ms) {
  return `${Math.max(1, Math.round((ms ?? 0) / 1000))} s`;
}
