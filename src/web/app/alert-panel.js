// The alerts that nobody has seen yet, above everything else, with what to do
// about them. Not there when there are none.

import { html } from "./html.js";
import { clockTime, title, utcTime } from "./format.js";

/** Alerts shown; the others are counted below them. */
const SHOWN = 4;

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./session.js").Session} Session
 */

/** @param {{ state: State, session: Session }} props */
export function AlertPanel({ state, session }) {
  const { alerts } = state;
  if (alerts.length === 0) return null;
  const more = alerts.length - SHOWN;
  return html`
    <section class="alerts" aria-labelledby="alerts-title">
      <h2 id="alerts-title">${alerts.length === 1 ? "1 alert" : `${alerts.length} alerts`}</h2>
      <ul>
        ${alerts.slice(0, SHOWN).map(
          (alert) => html`<${Entry} key=${alert.id} alert=${alert} state=${state} session=${session} />`,
        )}
      </ul>
      ${more > 0 && html`<p class="alerts-more">and ${more} earlier</p>`}
    </section>
  `;
}

/** @param {{ alert: import("./alert-list.js").Alert, state: State, session: Session }} props */
function Entry({ alert, state, session }) {
  const event = state.events.items.find(({ id }) => id === alert.event_id);
  const cameraId = alert.camera_id ?? event?.camera_id;
  const camera = state.cameras?.find(({ id }) => id === cameraId);
  const words = event?.summary ?? `Event ${alert.event_id} at ${camera?.name || cameraId || "a camera"}`;
  const act = (/** @type {"acknowledge" | "dismiss"} */ action) => () => session.actOn(alert.id, action);
  return html`
    <li data-level=${alert.severity} data-alert=${alert.id}>
      <span class="risk" data-level=${alert.severity}>${title(alert.severity)}</span>
      ${event
        ? html`<button class="alert-words" type="button" onClick=${() => session.open(event.id)}>
            ${words}
          </button>`
        : html`<span class="alert-words">${words}</span>`}
      <time datetime=${alert.created_at} title=${utcTime(alert.created_at)}>
        ${clockTime(alert.created_at)}
      </time>
      <span class="alert-actions">
        <button class="button" type="button" onClick=${act("acknowledge")}
          aria-label=${`Seen: ${words}`}>Seen</button>
        <button class="button" type="button" onClick=${act("dismiss")}
          aria-label=${`Dismiss: ${words}`}>Dismiss</button>
      </span>
    </li>
  `;
}
