// The frame of the page.

import { html } from "./html.js";
import { CameraGrid } from "./camera-grid.js";
import { ControlDialog } from "./control-dialog.js";
import { EventDialog } from "./event-dialog.js";
import { EventPane } from "./event-pane.js";
import { Header } from "./header.js";
import { HealthPanel } from "./health-panel.js";
import { KeyPrompt } from "./key-prompt.js";
import { RecordingDialog } from "./recording-dialog.js";
import { RuleDialog } from "./rule-dialog.js";
import { useStore } from "./state.js";
import { SystemLine } from "./system-line.js";

/** @param {{ store: import("./state.js").Store, session: import("./session.js").Session }} props */
export function App({ store, session }) {
  const state = useStore(store);
  if (state.keyNeeded !== "none") {
    return html`<${KeyPrompt} wasRefused=${state.keyNeeded === "refused"} session=${session} />`;
  }
  return html`
    <div class="page" data-link=${state.link}>
      <a class="skip" href="#events">Skip to events</a>
      <${Header} state=${state} session=${session} />
      <${HealthPanel} state=${state} session=${session} />
      <main class="columns">
        <div class="watch">
          <${CameraGrid} state=${state} session=${session} />
          <${SystemLine} figures=${state.figures} />
        </div>
        <${EventPane} state=${state} session=${session} />
      </main>
      <${EventDialog} state=${state} session=${session} />
      <${ControlDialog} state=${state} session=${session} />
      <${RecordingDialog} state=${state} session=${session} />
      <${RuleDialog} state=${state} session=${session} />
    </div>
  `;
}
