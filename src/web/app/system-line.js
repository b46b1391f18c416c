// A line of figures under the cameras: the list of events beside them has no end
// at which they could stand.

import { html } from "./html.js";
import { figure } from "./format.js";

/** @param {{ figures: import("../client/types.js").SystemStatus | null }} props */
export function SystemLine({ figures }) {
  if (!figures) return null;
  const { gpu, cameras, queue } = figures;
  const memory = `${figure(gpu.memory_used, "MB")} of ${figure(gpu.memory_total, "MB")}`;
  return html`
    <section class="figures" aria-label="Figures of the box">
      <dl>
        <${Figure} name="Inference" value=${figure(gpu.inference_fps, "fps", 1)} />
        <${Figure} name="Busy" value=${figure(gpu.utilization, "%")} />
        <${Figure} name="Memory" value=${memory} />
        <${Figure} name="Temperature" value=${figure(gpu.temperature, "°C")} />
        <${Figure} name="Cameras" value=${`${cameras.active} of ${cameras.total}`} />
        <${Figure} name="Queue" value=${String(queue.pending + queue.processing)} />
      </dl>
    </section>
  `;
}

/** @param {{ name: string, value: string }} props */
function Figure({ name, value }) {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
