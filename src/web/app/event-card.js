// One event in the list. Renders again only when the event itself changes; what
// changes by the second (how long it has lasted) is a component of its own.

import { Component, html } from "./html.js";
import { clockTime, duration, percent, title, utcTime } from "./format.js";
import { CheckIcon } from "./icons.js";
import { useNow } from "./state.js";

/**
 * @typedef {import("../client/types.js").SecurityEvent} SecurityEvent
 * @typedef {import("./session.js").Session} Session
 * @typedef {{ event: SecurityEvent, cameraName: string, session: Session }} CardProps
 */

/**
 * A class for the sake of `shouldComponentUpdate`: a long list is rendered with
 * every message, and most cards have nothing new.
 *
 * @extends {Component<CardProps>}
 */
export class EventCard extends Component {
  /**
   * @override
   * @param {CardProps} next
   */
  shouldComponentUpdate(next) {
    const { event, cameraName, session } = this.props;
    return event !== next.event || cameraName !== next.cameraName || session !== next.session;
  }

  /**
   * @override
   * @param {CardProps} props
   */
  render({ event, cameraName, session }) {
    return html`
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
          <div class="card-foot">
            <p class="meta">
              <time datetime=${event.started_at} title=${utcTime(event.started_at)}>
                ${clockTime(event.started_at)}
              </time>
              <span>${cameraName}</span>
              <${Duration} event=${event} />
            </p>
            <${ReviewButton} event=${event} session=${session} isSmall />
          </div>
        </div>
      </li>
    `;
  }
}

/** @param {{ event: SecurityEvent, session: Session }} props */
function Thumbnail({ event, session }) {
  if (!event.has_snapshot) return html`<div class="thumb" aria-hidden="true"></div>`;
  const address = pictureOf(event, "thumbnail", session);
  return html`
    <div class="thumb"><img src=${address} alt="" loading="lazy" decoding="async" width="144" height="108" /></div>
  `;
}

/**
 * Address of a picture of an event. It is replaced by a better one while the
 * event lasts, and so is its confidence, which makes the address a new one.
 *
 * @param {SecurityEvent} event
 * @param {"thumbnail" | "snapshot"} size
 * @param {Session} session
 */
export function pictureOf(event, size, session) {
  return session.api.mediaUrl(`/api/events/${event.id}/${size}`, { of: event.confidence });
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

/** @param {{ event: SecurityEvent, session: Session, isSmall?: boolean }} props */
export function ReviewButton({ event, session, isSmall = false }) {
  const isReviewed = Boolean(event.reviewed);
  const words = isReviewed ? "Reviewed" : "Mark reviewed";
  return html`
    <button class="review" type="button" aria-pressed=${isReviewed} title=${words}
      onClick=${() => session.review(event.id, !isReviewed)}>
      <${CheckIcon} /><span class=${isSmall ? "hidden" : ""}>${words}</span>
    </button>
  `;
}
