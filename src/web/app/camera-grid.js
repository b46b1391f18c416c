// The cameras, one tile each, and those that somebody has switched off by name.

import { html } from "./html.js";
import { CameraTile } from "./camera-tile.js";
import { sentence } from "./format.js";
import { cameraHealth } from "./health.js";
import { CameraIcon } from "./icons.js";

/** @typedef {import("./state.js").State} State */

/** @param {{ state: State, session: import("./session.js").Session }} props */
export function CameraGrid({ state, session }) {
  return html`
    <section class="cameras" aria-labelledby="cameras-title">
      <h2 id="cameras-title">Cameras</h2>
      <${Body} state=${state} session=${session} />
    </section>
  `;
}

/** @param {{ state: State, session: import("./session.js").Session }} props */
function Body({ state, session }) {
  const { cameras, camerasTrouble: trouble, health, link } = state;
  if (cameras === null) {
    return trouble
      ? html`
          <div class="empty" role="alert">
            <p><strong>${sentence(trouble.message)}</strong></p>
            <p>${sentence(trouble.hint ?? "")}</p>
          </div>
        `
      : html`<div class="tile skeleton" aria-busy="true"><span class="hidden">Loading</span></div>`;
  }
  if (cameras.length === 0) return html`<${NoCameras} />`;
  const running = cameras.filter(({ enabled }) => enabled !== false);
  const off = cameras.filter(({ enabled }) => enabled === false);
  return html`
    ${off.length > 0 && html`
      <p class="switched-off">Switched off: ${off.map(({ id, name }) => name || id).join(", ")}</p>
    `}
    <ul class="grid" data-count=${running.length}>
      ${running.map(
        (camera) => html`
          <li key=${camera.id}>
            <${CameraTile} camera=${camera} service=${cameraHealth(health, camera.id)} api=${session.api}
              isLinked=${link === "live"} onControl=${() => session.showControl(camera.id)}
              onRecording=${() => session.showRecording(camera.id)} />
          </li>
        `,
      )}
    </ul>
  `;
}

function NoCameras() {
  return html`
    <div class="empty">
      <${CameraIcon} />
      <p><strong>No camera is configured.</strong></p>
      <p>Add a <code>[[camera]]</code> section to the configuration file and reload the box.
        <code>watchpost probe</code> lists the cameras it can find.</p>
    </div>
  `;
}
