// One camera: its live picture, and the truth about how old that picture is.
//
// A picture counts as live for `LIVE_FOR_MS` after it came. Older ones are shown
// grey under a sentence that says since when, why and what to do: an old picture
// that looks live is worse than none.

import { html, useRef } from "./html.js";
import { ago, sentence, span } from "./format.js";
import { CameraOffIcon, FilmIcon, ShutterIcon } from "./icons.js";
import { usePictures } from "./pictures.js";
import { useNow } from "./state.js";

/** The slowest cameras send a picture a second. */
const LIVE_FOR_MS = 4_000;

/** @typedef {import("../client/types.js").Camera} Camera */

/**
 * @param {{
 *   camera: Camera,
 *   service: import("./state.js").Service | null,
 *   api: import("../client/http.js").Api,
 *   isLinked: boolean,
 *   onControl: () => void,
 *   onRecording: () => void,
 * }} props
 */
export function CameraTile({ camera, service, api, isLinked, onControl, onRecording }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const status = camera.status ?? (camera.connected ? "online" : "offline");
  const isExpected = status !== "offline" && status !== "error";
  const pictures = usePictures(canvas, camera.id, api, isExpected, isLinked);
  useNow();
  const ageMs = pictures.lastAt === null ? null : performance.now() - pictures.lastAt;
  const isLive = ageMs !== null && ageMs <= LIVE_FOR_MS;
  const trouble = isLive && isExpected ? null : explain(camera, service, pictures, ageMs);
  const name = camera.name || camera.id;
  return html`
    <article class="tile" data-status=${status} data-live=${isLive && isExpected} aria-label=${`Camera ${name}`}>
      <div class="picture" data-empty=${ageMs === null}>
        <canvas ref=${canvas} role="img" aria-label=${`Live picture of ${name}`} width="16" height="9"></canvas>
        ${trouble && html`<${Trouble} trouble=${trouble} isWaiting=${isExpected && ageMs === null && !pictures.error} />`}
      </div>
      <div class="tile-line">
        <h3>${name}</h3>
        <${Badge} status=${status} isLive=${isLive} />
        <span class="facts">
          <span>${resolution(camera, pictures)}</span>
          ${typeof camera.fps === "number" && isLive && html`<span>${fps(camera.fps)}</span>`}
          <span>${ageMs === null ? "no picture yet" : `picture ${isLive ? "now" : ago(ageMs)}`}</span>
        </span>
        ${(camera.recording ?? "off") !== "off" && html`
          <button class="icon-button" type="button" aria-label=${`Recording of ${name}`} title="What was recorded"
            onClick=${onRecording}>
            <${FilmIcon} />
          </button>
        `}
        <button class="icon-button" type="button" aria-label=${`Control ${name}`} title="Control this camera"
          onClick=${onControl}>
          <${ShutterIcon} />
        </button>
      </div>
    </article>
  `;
}

/** @param {{ status: string, isLive: boolean }} props */
function Badge({ status, isLive }) {
  // The box may still believe in a camera whose pictures do not arrive here.
  const shown = status === "online" && !isLive ? "no picture" : status;
  return html`
    <span class="badge" data-status=${shown}><span class="dot" aria-hidden="true"></span>${shown}</span>
  `;
}

/** @param {{ trouble: { message: string, nextStep: string | null }, isWaiting: boolean }} props */
function Trouble({ trouble, isWaiting }) {
  return html`
    <div class="trouble" role="status">
      ${isWaiting ? html`<span class="spinner" aria-hidden="true"></span>` : html`<${CameraOffIcon} />`}
      <p><strong>${trouble.message}</strong></p>
      ${trouble.nextStep && html`<p>${sentence(trouble.nextStep)}</p>`}
    </div>
  `;
}

/**
 * Why there is no live picture: in the words of the camera, of its component,
 * of the stream, or at least for how long.
 *
 * @param {Camera} camera
 * @param {import("./state.js").Service | null} service
 * @param {import("./pictures.js").Pictures} pictures
 * @param {number | null} ageMs
 */
function explain(camera, service, pictures, ageMs) {
  const isWell = !service || service.status === "healthy";
  const ofBox = camera.reason ?? (isWell ? null : service.message);
  const ofStream = pictures.error?.message ?? "waiting for the first picture";
  const ofClock = ageMs === null ? ofStream : `no picture for ${span(ageMs)}`;
  return {
    message: sentence(ofBox ?? ofClock),
    nextStep: camera.next_step ?? service?.nextStep ?? (ofBox ? null : pictures.error?.hint) ?? null,
  };
}

/** @param {Camera} camera @param {import("./pictures.js").Pictures} pictures */
function resolution(camera, pictures) {
  const width = camera.width || pictures.width;
  const height = camera.height || pictures.height;
  return width && height ? `${width} × ${height}` : "";
}

/** @param {number} value */
function fps(value) {
  return `${value.toFixed(value < 9.95 ? 1 : 0)} fps`;
}
