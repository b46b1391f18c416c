// The health line: the overall state, the worst component in its own words, and
// what to do; all components on request. Below it failed actions and alerts.

import { html } from "./html.js";
import { AlertPanel } from "./alert-panel.js";
import { sentence } from "./format.js";
import { spoken } from "./health.js";
import { CloseIcon } from "./icons.js";

const OVERALL = { healthy: "All is well", degraded: "Needs attention", unhealthy: "Not working" };

/**
 * @param {{
 *   state: import("./state.js").State,
 *   session: import("./session.js").Session,
 * }} props
 */
export function HealthPanel({ state, session }) {
  return html`
    <div class="panels">
      ${state.health && html`<${HealthLine} state=${state} health=${state.health} />`}
      ${state.notice && html`<${Notice} notice=${state.notice} session=${session} />`}
      <${AlertPanel} state=${state} session=${session} />
    </div>
  `;
}

/** @param {{ state: import("./state.js").State, health: import("./state.js").Health }} props */
function HealthLine({ state, health }) {
  const { cameras, link } = state;
  const overall = OVERALL[health.status] ?? health.status;
  const [worst] = health.services;
  const isWell = health.status === "healthy";
  return html`
    <details class="health" data-health=${health.status}>
      <summary>
        <span class="dot" aria-hidden="true"></span>
        <span class="health-words" role="status">
          <strong>${link === "lost" ? `Last known: ${overall.toLowerCase()}` : overall}</strong>
          ${isWell
            ? html`<span>${health.services.length} components checked</span>`
            : worst && html`<${Sentence} service=${worst} name=${spoken(worst.name, cameras)} />`}
        </span>
        <span class="more">Details</span>
      </summary>
      <ul class="services">
        ${health.services.map(
          (service) => html`
            <li key=${service.name} data-health=${service.status}>
              <span class="dot" aria-hidden="true"></span>
              <span class="service-name">${spoken(service.name, cameras)}</span>
              <span class="service-words">
                <span class="hidden">${service.status}: </span>
                <${Sentence} service=${service} />
              </span>
            </li>
          `,
        )}
      </ul>
    </details>
  `;
}

/** @param {{ service: import("./state.js").Service, name?: string }} props */
function Sentence({ service, name = "" }) {
  return html`
    <span>
      ${name && `${name}: `}${name ? service.message : sentence(service.message)}
      ${service.nextStep && html`<span class="next-step">${sentence(service.nextStep)}</span>`}
    </span>
  `;
}

/**
 * @param {{
 *   notice: import("./state.js").Trouble,
 *   session: import("./session.js").Session,
 * }} props
 */
function Notice({ notice, session }) {
  return html`
    <div class="notice" role="alert">
      <span>${sentence(notice.message)} ${sentence(notice.hint ?? "")}</span>
      <button class="icon-button" type="button" aria-label="Dismiss" onClick=${() => session.dismissNotice()}>
        <${CloseIcon} />
      </button>
    </div>
  `;
}
