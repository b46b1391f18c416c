// One event in full: the snapshot with the box over it, what was thought about
// it, and its detections. Left and right go through the list.

import { html, useEffect, useRef, useState } from "./html.js";
import { Duration, pictureOf, ReviewButton, Risk } from "./event-card.js";
import { EventVideo } from "./event-video.js";
import { clockTime, fullTime, percent, title, utcTime } from "./format.js";
import { BackIcon, CloseIcon, ForthIcon } from "./icons.js";

/** Detections listed at most, the largest page; a person standing about makes
 * thousands. */
const DETECTIONS_MAX = 100;

/**
 * @typedef {import("../client/types.js").SecurityEvent} SecurityEvent
 * @typedef {import("../client/types.js").Detection} Detection
 * @typedef {import("./session.js").Session} Session
 * @typedef {{ state: import("./state.js").State, session: Session }} Props
 * @typedef {NonNullable<SecurityEvent["bbox"]>} Box
 * @typedef {{ id: number, detections: Detection[] | null, trouble: string }} Found
 */

/** @type {Found} */
const NOT_ASKED = { id: 0, detections: null, trouble: "" };

/** @param {Props} props */
export function EventDialog({ state, session }) {
  const { items } = state.events;
  const at = items.findIndex(({ id }) => id === state.openEvent);
  const event = items[at];
  return event
    ? html`<${Dialog} event=${event} session=${session} state=${state}
        newer=${items[at - 1]?.id ?? null} older=${items[at + 1]?.id ?? null} />`
    : null;
}

/**
 * @param {Props & { event: SecurityEvent, newer: number | null, older: number | null }} props
 */
function Dialog({ event, session, state, newer, older }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const { detections, trouble } = useDetections(event, session);
  useEffect(() => dialog.current?.showModal(), []);
  const turn = (/** @type {number | null} */ id) => {
    if (id !== null) session.open(id);
  };
  const onKey = (/** @type {KeyboardEvent} */ { key }) => {
    if (key === "ArrowLeft") turn(newer);
    if (key === "ArrowRight") turn(older);
  };
  // The backdrop belongs to the dialog: a click on it has the dialog as target.
  const onClick = (/** @type {MouseEvent} */ { target }) => {
    if (target === dialog.current) dialog.current?.close();
  };
  const camera = state.cameras?.find(({ id }) => id === event.camera_id);
  return html`
    <dialog class="event-dialog" ref=${dialog} aria-labelledby="event-title" onKeyDown=${onKey}
      onClick=${onClick} onClose=${() => session.open(null)}>
      <div class="dialog-head">
        <h2 id="event-title">${title(event.object_type)}</h2>
        <${Risk} event=${event} />
        <span class="grow"></span>
        <${Turn} label="Newer event" to=${newer} turn=${turn} Icon=${BackIcon} />
        <${Turn} label="Older event" to=${older} turn=${turn} Icon=${ForthIcon} />
        <button class="icon-button" type="button" aria-label="Close" onClick=${() => dialog.current?.close()}>
          <${CloseIcon} />
        </button>
      </div>
      <${EventVideo} key=${event.id} event=${event} session=${session}>
        <${Snapshot} event=${event} session=${session} />
      <//>
      <div class="dialog-body">
        <p class="summary">${event.summary}</p>
        ${event.reasoning && html`<p class="reasoning">${event.reasoning}</p>`}
        <${Facts} event=${event} cameraName=${camera?.name || event.camera_id} />
        <${ReviewButton} event=${event} session=${session} />
        <${Detections} event=${event} list=${detections} trouble=${trouble} />
      </div>
    </dialog>
  `;
}

/**
 * @param {{ label: string, to: number | null, turn: (id: number | null) => void, Icon: () => any }} props
 */
function Turn({ label, to, turn, Icon }) {
  return html`
    <button class="icon-button" type="button" aria-label=${label} title=${label} disabled=${to === null}
      onClick=${() => turn(to)}><${Icon} /></button>
  `;
}

/** @param {{ event: SecurityEvent, session: Session }} props */
function Snapshot({ event, session }) {
  const [isLoaded, setLoaded] = useState(false);
  const [isBroken, setBroken] = useState(false);
  if (!event.has_snapshot || isBroken) {
    return html`<div class="snapshot none"><p>There is no snapshot of this event.</p></div>`;
  }
  return html`
    <div class="snapshot">
      <img src=${pictureOf(event, "snapshot", session)} alt=${`Snapshot: ${event.summary}`} onLoad=${() => setLoaded(true)}
        onError=${() => setBroken(true)} />
      ${isLoaded && event.bbox && html`<${BoxOver} box=${event.bbox} level=${event.risk_level} />`}
    </div>
  `;
}

/** @param {{ box: Box, level: string }} props */
function BoxOver({ box, level }) {
  return html`
    <svg class="boxes" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
      <rect x=${box.x} y=${box.y} width=${box.width} height=${box.height} data-level=${level} />
    </svg>
  `;
}

/**
 * The detections of an event, asked for again when it has changed and ended.
 *
 * @param {SecurityEvent} event
 * @param {Session} session
 */
function useDetections(event, session) {
  const [found, setFound] = useState(/** @type {Found} */ (NOT_ASKED));
  useEffect(() => {
    const stop = new AbortController();
    session.api
      .get(`/api/events/${event.id}/detections`, { limit: DETECTIONS_MAX }, { signal: stop.signal })
      .then((answer) => setFound({ id: event.id, detections: answer.items ?? [], trouble: "" }))
      .catch((error) => {
        if (!stop.signal.aborted) setFound({ ...NOT_ASKED, id: event.id, trouble: error.message });
      });
    return () => stop.abort();
  }, [event.id, event.confidence, event.ended_at]);
  return found.id === event.id ? found : NOT_ASKED;
}

/** @param {{ event: SecurityEvent, cameraName: string }} props */
function Facts({ event, cameraName }) {
  return html`
    <dl class="event-facts">
      <div>
        <dt>Began</dt>
        <dd><time datetime=${event.started_at} title=${utcTime(event.started_at)}>
          ${fullTime(event.started_at)}</time>
          ${event.clock_trusted === false && html`<span class="warn">clock was not set</span>`}
        </dd>
      </div>
      <div><dt>Lasted</dt><dd><${Duration} event=${event} /></dd></div>
      <div><dt>Camera</dt><dd>${cameraName}</dd></div>
      <div><dt>Confidence</dt><dd>${percent(event.confidence)}</dd></div>
      ${event.zones?.length ? html`<div><dt>Zones</dt><dd>${event.zones.join(", ")}</dd></div>` : null}
      <div><dt>Number</dt><dd>${event.id}</dd></div>
    </dl>
  `;
}

/** @param {{ event: SecurityEvent, list: Detection[] | null, trouble: string }} props */
function Detections({ event, list, trouble }) {
  // The list may be newer than the last word about the event.
  const count = Math.max(event.detection_count ?? 0, list?.length ?? 0);
  return html`
    <section class="detections" aria-label="Detections">
      <h3>Detections <span class="count">${count}</span></h3>
      ${trouble && html`<p role="alert">${trouble}</p>`}
      ${list?.length === 0 && html`<p>None is stored.</p>`}
      <ol tabindex="0" aria-label="List of detections">
        ${list?.map((detection) => html`<${DetectionLine} key=${detection.id} detection=${detection} />`)}
      </ol>
      ${list && count > list.length && html`<p class="small">${list.length} are listed.</p>`}
    </section>
  `;
}

/** @param {{ detection: Detection }} props */
function DetectionLine({ detection }) {
  const { bbox_x, bbox_y, bbox_width, bbox_height } = detection;
  return html`
    <li>
      <time datetime=${detection.detected_at} title=${utcTime(detection.detected_at)}>
        ${clockTime(detection.detected_at)}</time>
      <span>${title(detection.object_type)}</span>
      <span>${percent(detection.confidence)}</span>
      <span class="small">${bbox_width} × ${bbox_height} at ${bbox_x}, ${bbox_y}</span>
    </li>
  `;
}
