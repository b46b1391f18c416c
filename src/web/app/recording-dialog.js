// What was recorded of one camera: a day as a bar, with the events over it; a
// click plays from there.
//
// The bar is a slider, so keys work as well. What plays is one stretch without a
// gap; at its end the next one begins.

import { html, useEffect, useRef, useState } from "./html.js";
import { clockTime, dayName, sentence, title, utcTime } from "./format.js";
import { BackIcon, CloseIcon, ForthIcon } from "./icons.js";
import { addDays, nextAt, positionOf, stretchAt } from "./recording-day.js";

/** What is being recorded is asked for again so often. */
const REFRESH_MS = 20_000;
/** Events shown over a day, the largest page. */
const EVENTS_MAX = 100;
/** So long before an event its video begins to play. */
const LEAD_MS = 3_000;

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./recording-day.js").Span} Span
 * @typedef {import("../client/types.js").SecurityEvent} SecurityEvent
 * @typedef {{ day: number, spans: Span[], events: SecurityEvent[], trouble: string }} Found
 * @typedef {{ url: string, from: number, until: number }} Playing
 */

/** @param {{ state: import("./state.js").State, session: Session }} props */
export function RecordingDialog({ state, session }) {
  const camera = state.cameras?.find(({ id }) => id === state.recordingOf);
  return camera ? html`<${Dialog} key=${camera.id} camera=${camera} session=${session} />` : null;
}

/** @param {{ camera: import("../client/types.js").Camera, session: Session }} props */
function Dialog({ camera, session }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [day, setDay] = useState(() => addDays(Date.now(), 0));
  const found = useDay(camera.id, day, session);
  const [playing, setPlaying] = useState(/** @type {Playing | null} */ (null));
  const [trouble, setTrouble] = useState("");
  const [shownAt, setShownAt] = useState(/** @type {number | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  const play = (/** @type {number} */ at) => {
    const stretch = stretchAt(found?.spans ?? [], at);
    setTrouble("");
    setPlaying(stretch && { ...stretch, url: session.api.recordingUrl(camera.id, stretch.from, stretch.until) });
    setShownAt(stretch?.from ?? null);
  };
  const turn = (/** @type {number} */ days) => {
    setPlaying(null);
    setShownAt(null);
    setDay(addDays(day, days));
  };
  const onTrouble = (/** @type {string} */ said) => {
    setPlaying(null);
    setTrouble(said);
  };
  const onEnded = () => {
    const next = playing && nextAt(found?.spans ?? [], playing.until);
    if (next) play(next);
  };
  const name = camera.name || camera.id;
  return html`
    <dialog class="event-dialog recording" ref=${dialog} aria-labelledby="recording-title"
      onClose=${() => session.showRecording(null)}>
      <div class="dialog-head">
        <h2 id="recording-title">${name}</h2>
        <span class="grow"></span>
        <button class="icon-button" type="button" aria-label="Day before" onClick=${() => turn(-1)}><${BackIcon} /></button>
        <span class="recorded-day">${dayName(new Date(day).toISOString(), new Date())}</span>
        <button class="icon-button" type="button" aria-label="Day after" disabled=${addDays(day, 1) > Date.now()}
          onClick=${() => turn(1)}><${ForthIcon} /></button>
        <button class="icon-button" type="button" aria-label="Close" onClick=${() => dialog.current?.close()}>
          <${CloseIcon} />
        </button>
      </div>
      ${playing && html`
        <${Player} key=${playing.url} playing=${playing} name=${name} session=${session}
          onTime=${setShownAt} onEnded=${onEnded} onTrouble=${onTrouble} />
      `}
      <div class="dialog-body recorded">
        ${(trouble || found?.trouble) && html`<p class="refused" role="alert">${sentence(trouble || (found?.trouble ?? ""))}</p>`}
        <${Bar} day=${day} found=${found} at=${shownAt} play=${play} />
        <p role="status">${words(found, shownAt)}</p>
      </div>
    </dialog>
  `;
}

/**
 * The video of a stretch. It begins on a keyframe at or before the wanted instant;
 * the answer tells when that was.
 *
 * @param {{
 *   playing: Playing, name: string, session: Session,
 *   onTime: (at: number) => void, onEnded: () => void, onTrouble: (words: string) => void,
 * }} props
 */
function Player({ playing, name, session, onTime, onEnded, onTrouble }) {
  const [begin, setBegin] = useState(/** @type {number | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    session.api
      .recordingStart(playing.url, stop.signal)
      .then((start) => setBegin(start ?? playing.from))
      .catch((error) => {
        if (!stop.signal.aborted) onTrouble(error.message);
      });
    return () => stop.abort();
  }, []);
  if (begin === null) return html`<div class="snapshot none"><span class="spinner" aria-hidden="true"></span></div>`;
  const lead = Math.max(0, (playing.from - begin) / 1000);
  return html`
    <div class="snapshot">
      <video src=${`${playing.url}#t=${lead}`} controls autoplay muted playsinline aria-label=${`Recording of ${name}`}
        onTimeUpdate=${(/** @type {any} */ { currentTarget }) => onTime(begin + currentTarget.currentTime * 1000)}
        onEnded=${onEnded} onError=${() => onTrouble("this browser cannot play the video, or it was removed to make room")}></video>
    </div>
  `;
}

/**
 * @param {{ day: number, found: Found | null, at: number | null, play: (at: number) => void }} props
 */
function Bar({ day, found, at, play }) {
  const end = addDays(day, 1);
  const place = (/** @type {number} */ time) => `${100 * positionOf(time, day, end)}%`;
  const second = at === null ? 0 : Math.round((at - day) / 1000);
  return html`
    <div class="day-bar" aria-busy=${found === null}>
      <div class="day-marks">
        ${found?.events.map((event) => html`
          <button key=${event.id} type="button" class="day-mark" data-level=${event.risk_level}
            style=${{ left: place(Date.parse(event.started_at)) }}
            aria-label=${`${title(event.object_type)}, ${clockTime(event.started_at)}`} title=${event.summary}
            onClick=${() => play(Date.parse(event.started_at) - LEAD_MS)}></button>
        `)}
      </div>
      <div class="day-track">
        ${found?.spans.map(({ start, end: until }) => html`
          <span key=${start} class="day-span" title=${`${clockTime(start)} to ${clockTime(until)}`}
            style=${{ left: place(Date.parse(start)), right: `calc(100% - ${place(Date.parse(until))})` }}></span>
        `)}
        ${at !== null && html`<span class="day-now" style=${{ left: place(at) }}></span>`}
        <input type="range" min="0" max=${(end - day) / 1000} step="1" value=${second} aria-label="Time of the day"
          aria-valuetext=${clockTime(new Date(day + second * 1000).toISOString())}
          onChange=${(/** @type {any} */ { currentTarget }) => play(day + Number(currentTarget.value) * 1000)} />
      </div>
      <div class="day-hours small" aria-hidden="true">
        ${[0, 6, 12, 18, 24].map((hour) => html`<span key=${hour}>${hour}:00</span>`)}
      </div>
    </div>
  `;
}

/** @param {Found | null} found @param {number | null} at */
function words(found, at) {
  if (found === null) return "Asking the box.";
  if (at !== null) return html`<time title=${utcTime(new Date(at).toISOString())}>${clockTime(new Date(at).toISOString())}</time>`;
  return found.spans.length > 0 ? "Click on the bar to play from there." : "Nothing is recorded on this day.";
}

/**
 * What there is of a day, asked for again while the dialog is open.
 *
 * @param {string} camera
 * @param {number} day
 * @param {Session} session
 */
function useDay(camera, day, session) {
  const [found, setFound] = useState(/** @type {Found | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const [start, end] = [day, addDays(day, 1) - 1].map((at) => new Date(at).toISOString());
    const ask = async () => {
      try {
        const [recorded, events] = await Promise.all([
          session.api.get(`/api/cameras/${camera}/recording/spans`, { start, end }, { signal }),
          session.api.get("/api/events", { camera_id: camera, start_date: start, end_date: end, limit: EVENTS_MAX }, { signal }),
        ]);
        setFound({ day, spans: recorded.spans ?? [], events: events.items ?? [], trouble: "" });
      } catch (error) {
        if (signal.aborted) return;
        setFound({ day, spans: [], events: [], trouble: error instanceof Error ? error.message : String(error) });
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), REFRESH_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [camera, day]);
  return found?.day === day ? found : null;
}
