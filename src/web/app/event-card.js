// One event in the list. Renders again only when the event itself changes; what
// changes by the second (how long it has lasted) is a component of its own.

import { html, useMemo } from "./html.js";
import { clockTime, duration, percent, title, utcTime } from "./format.js";
import { CheckIcon } from "./icons.js";
import { useNow } from "./state.js";

/**
 * @typedef {import("../client/types.js").SecurityEvent} SecurityEvent
 * @typedef {import("./session.js").Session} Session
 */

/** @param {{ event: SecurityEvent, cameraName: string, session: Session }} props */
export function EventCard({ event, cameraName, session }) {
  return useMemo(
    () => html`
      <li class="card" data-level=${event.risk_level} data-reviewed=${Boolean(event.reviewed)}
        data-event=${event.id}>
        <${Thumbnail} event=${event} session=${session} />
        <div class="card-body">
          <div class="card-head">
            <h3>
              <button class="card-open" type="button" onClick=${() => session.open(event.id)}>
                ${title(event.object_type)}
              </button>
            </h3>
            <span class="confidence" title="Confidence of the detector">${percent(event.confidence)}</span>
            <${Risk} event=${event} />
          </div>
          <p class="summary">${event.summary}</p>
          ${event.reasoning && html`<p class="reasoning">${event.reasoning}</p>`}
          <p class="meta">
            <time datetime=${event.started_at} title=${utcTime(event.started_at)}>
              ${clockTime(event.started_at)}
            </time>
            <span>${cameraName}</span>
            <${Duration} event=${event} />
            <${ReviewButton} event=${event} session=${session} />
          </p>
        </div>
      </li>
    `,
    [event, cameraName, session],
  );
}

/** @param {{ event: SecurityEvent, session: Session }} props */
function Thumbnail({ event, session }) {
  if (!event.has_snapshot) return html`<div class="thumb" aria-hidden="true"></div>`;
  const address = session.api.mediaUrl(`/api/events/${event.id}/thumbnail`);
  return html`
    <div class="thumb"><img src=${address} alt="" loading="lazy" decoding="async" width="144" height="108" /></div>
  `;
}

/** The score and its level, in a word as well as in a color. @param {{ event: SecurityEvent }} props */
export function Risk({ event }) {
  return html`
    <span class="risk" data-level=${event.risk_level} title="Risk score, 0 to 100">
      <b>${event.risk_score}</b> ${event.risk_level}
    </span>
  `;
}

/** @param {{ event: SecurityEvent }} props */
export function Duration({ event }) {
  return event.ended_at
    ? html`<span title="Duration">${duration(event, 0)}</span>`
    : html`<${Ongoing} event=${event} />`;
}

/** @param {{ event: SecurityEvent }} props */
function Ongoing({ event }) {
  const now = useNow();
  return html`
    <span class="ongoing"><span class="dot" aria-hidden="true"></span>ongoing, ${duration(event, now)}</span>
  `;
}

/** @param {{ event: SecurityEvent, session: Session }} props */
export function ReviewButton({ event, session }) {
  const isReviewed = Boolean(event.reviewed);
  return html`
    <button class="review" type="button" aria-pressed=${isReviewed}
      title=${isReviewed ? "Mark as not reviewed" : "Mark as reviewed"}
      onClick=${() => session.review(event.id, !isReviewed)}>
      <${CheckIcon} />${isReviewed ? "Reviewed" : "Mark reviewed"}
    </button>
  `;
}
