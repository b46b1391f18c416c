// One camera in the hand: its session, the shutter, what it can be set to. What a
// camera cannot do it refuses in words, which are shown as they come.

import { CameraControl } from "../client/index.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { sentence, title } from "./format.js";
import { CloseIcon } from "./icons.js";
import { StillList } from "./still-list.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./session.js").Session} Session
 *
 * @typedef {object} Setting
 * @property {string} current_hex_value
 * @property {string} current_formatted
 * @property {boolean} writable
 * @property {{ hex_value: string, formatted: string }[]} available_values
 *
 * @typedef {{ isConnected: boolean, settings: [string, Setting][] }} Known
 */

/** @param {{ state: State, session: Session }} props */
export function ControlDialog({ state, session }) {
  const camera = state.cameras?.find(({ id }) => id === state.controlOf);
  return camera ? html`<${Dialog} key=${camera.id} camera=${camera} session=${session} />` : null;
}

/** @param {{ camera: import("../client/types.js").Camera, session: Session }} props */
function Dialog({ camera, session }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const { control, known, trouble, said, ask } = useControl(camera.id, session);
  useEffect(() => dialog.current?.showModal(), []);
  const isConnected = known?.isConnected ?? false;
  return html`
    <dialog class="event-dialog" ref=${dialog} aria-labelledby="control-title"
      onClose=${() => session.showControl(null)}>
      <div class="dialog-head">
        <h2 id="control-title">${camera.name || camera.id}</h2>
        <span class="grow"></span>
        <button class="icon-button" type="button" aria-label="Close" onClick=${() => dialog.current?.close()}>
          <${CloseIcon} />
        </button>
      </div>
      <div class="dialog-body control">
        ${trouble && html`<p class="refused" role="alert">${sentence(trouble)}</p>`}
        <p role="status">${said || (known ? summary(camera, isConnected) : "Asking the camera.")}</p>
        <div class="control-keys">
          <button class="button" type="button" disabled=${!isConnected}
            onClick=${() => ask((control) => control.shutter(), "The shutter was pressed.")}>Shutter</button>
          <button class="button" type="button" disabled=${!known}
            onClick=${() => ask((control) => (isConnected ? control.disconnect() : control.connect()), "")}>
            ${isConnected ? "Disconnect" : "Connect"}</button>
        </div>
        <dl class="control-settings">
          ${known?.settings.map(([name, setting]) => html`
            <div key=${name}><dt>${title(name.replaceAll("-", " "))}</dt>
              <dd><${Value} name=${name} setting=${setting} ask=${ask} /></dd></div>
          `)}
        </dl>
        <${StillList} control=${control} round=${known} />
      </div>
    </dialog>
  `;
}

/** @param {import("../client/types.js").Camera} camera @param {boolean} isConnected */
function summary(camera, isConnected) {
  return `${camera.model || "Camera"}, ${isConnected ? "connected" : "not connected"}.`;
}

/**
 * @param {{
 *   name: string,
 *   setting: Setting,
 *   ask: (work: (control: CameraControl) => Promise<any>, done: string) => Promise<void>,
 * }} props
 */
function Value({ name, setting, ask }) {
  if (!setting.writable || setting.available_values.length === 0) return setting.current_formatted;
  return html`
    <select aria-label=${name} value=${setting.current_hex_value}
      onChange=${(/** @type {any} */ event) => {
        const { value } = event.currentTarget;
        void ask((control) => control.setProperty(name, value), `${title(name.replaceAll("-", " "))} was set.`);
      }}>
      ${setting.available_values.map((choice) => html`
        <option key=${choice.hex_value} value=${choice.hex_value}>${choice.formatted}</option>
      `)}
    </select>
  `;
}

/**
 * What is known of the camera, asked for again after each thing that is done.
 *
 * @param {string} id
 * @param {Session} session
 */
function useControl(id, session) {
  const [known, setKnown] = useState(/** @type {Known | null} */ (null));
  const [trouble, setTrouble] = useState("");
  const [said, setSaid] = useState("");
  const { baseUrl, apiKey } = session.api;
  const control = new CameraControl(id, { baseUrl, apiKey });
  /** @param {(control: CameraControl) => Promise<any>} work @param {string} done */
  const ask = async (work, done) => {
    try {
      await work(control);
      const isConnected = (await control.connection()).camera?.connected ?? false;
      setKnown({ isConnected, settings: isConnected ? Object.entries(await control.properties()) : [] });
      setTrouble("");
      setSaid(done);
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
      setSaid("");
    }
  };
  useEffect(() => void ask(async () => {}, ""), []);
  return { control, known, trouble, said, ask };
}
