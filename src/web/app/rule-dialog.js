// The alert rules: which there are, on and off, gone, and a form for one more.
// Fields that the form does not offer are left to the API.

import { html, useEffect, useRef, useState } from "./html.js";
import { sentence, title } from "./format.js";
import { CloseIcon } from "./icons.js";

const LEVELS = ["low", "medium", "high", "critical"];

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./session.js").Session} Session
 *
 * @typedef {object} Rule
 * @property {string} id
 * @property {string} name
 * @property {boolean} enabled
 * @property {string | null} severity
 * @property {number | null} risk_threshold
 * @property {string[]} object_types
 * @property {string[]} camera_ids
 * @property {string[]} zone_ids
 * @property {{ days: string[], start_time: string | null, end_time: string | null, timezone: string } | null} schedule
 * @property {number} cooldown_seconds
 *
 * @typedef {(change: (api: import("../client/http.js").Api) => Promise<any>) => Promise<void>} Change
 */

/** @param {{ state: State, session: Session }} props */
export function RuleDialog({ state, session }) {
  return state.areRulesOpen ? html`<${Dialog} state=${state} session=${session} />` : null;
}

/** @param {{ state: State, session: Session }} props */
function Dialog({ state, session }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [rules, setRules] = useState(/** @type {Rule[] | null} */ (null));
  const [trouble, setTrouble] = useState("");
  /** @type {Change} */
  const change = async (work) => {
    try {
      await work(session.api);
      setRules((await session.api.get("/api/alerts/rules")).rules);
      setTrouble("");
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  useEffect(() => {
    dialog.current?.showModal();
    void change(async () => {});
  }, []);
  return html`
    <dialog class="event-dialog" ref=${dialog} aria-labelledby="rules-title"
      onClose=${() => session.showRules(false)}>
      <div class="dialog-head">
        <h2 id="rules-title">Alert rules</h2>
        <span class="grow"></span>
        <button class="icon-button" type="button" aria-label="Close" onClick=${() => dialog.current?.close()}>
          <${CloseIcon} />
        </button>
      </div>
      <div class="dialog-body rules">
        ${trouble && html`<p class="refused" role="alert">${sentence(trouble)}</p>`}
        ${rules?.length === 0 && html`<p>There is no rule: nothing raises an alert.</p>`}
        <ul>
          ${rules?.map((rule) => html`<${Entry} key=${rule.id} rule=${rule} change=${change} />`)}
        </ul>
        <${Form} state=${state} change=${change} />
      </div>
    </dialog>
  `;
}

/** @param {{ rule: Rule, change: Change }} props */
function Entry({ rule, change }) {
  const path = `/api/alerts/rules/${rule.id}`;
  const turn = () => change((api) => api.put(path, { enabled: !rule.enabled }));
  return html`
    <li>
      <label><input type="checkbox" checked=${rule.enabled} onChange=${turn} /> ${rule.name}</label>
      <span class="rule-words">${wordsFor(rule)}</span>
      <button class="button" type="button" onClick=${() => change((api) => api.remove(path))}
        aria-label=${`Remove ${rule.name}`}>Remove</button>
    </li>
  `;
}

/** What a rule asks for, in words. @param {Rule} rule */
export function wordsFor(rule) {
  const { schedule } = rule;
  const times = schedule && [schedule.start_time ?? "00:00", schedule.end_time ?? "23:59"].join(" to ");
  const words = [
    rule.risk_threshold !== null && `risk from ${rule.risk_threshold}`,
    rule.object_types.join(" or "),
    rule.camera_ids.length > 0 && `at ${rule.camera_ids.join(" or ")}`,
    rule.zone_ids.length > 0 && `in ${rule.zone_ids.join(" or ")}`,
    schedule && [schedule.days.map((day) => title(day.slice(0, 3))).join(", "), times].filter(Boolean).join(" "),
  ].filter(Boolean);
  return words.length > 0 ? words.join(", ") : "every event";
}

/** @param {{ state: State, change: Change }} props */
function Form({ state, change }) {
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    await change(async (api) => {
      await api.post("/api/alerts/rules", ruleFrom(new FormData(form)));
      form.reset();
    });
  };
  return html`
    <form class="rule-form" onSubmit=${submit}>
      <h3>One more</h3>
      <label>Name <input name="name" required maxlength="255" /></label>
      <label>Risk from <input name="risk" type="number" min="0" max="100" placeholder="any" /></label>
      <label>Class
        <select name="label">
          <option value="">Any class</option>
          ${state.labels.map((label) => html`<option key=${label} value=${label}>${title(label)}</option>`)}
        </select>
      </label>
      <label>Camera
        <select name="camera">
          <option value="">All cameras</option>
          ${state.cameras?.map(({ id, name }) => html`<option key=${id} value=${id}>${name || id}</option>`)}
        </select>
      </label>
      <label>Zone <input name="zone" maxlength="100" placeholder="any" /></label>
      <label>From <input name="start" type="time" /></label>
      <label>To <input name="end" type="time" /></label>
      <label>Severity
        <select name="severity">
          <option value="">As the event</option>
          ${LEVELS.map((level) => html`<option key=${level} value=${level}>${title(level)}</option>`)}
        </select>
      </label>
      <label>Minutes until the next
        <input name="cooldown" type="number" min="0" max="10000" value="5" required />
      </label>
      <button class="button primary" type="submit">Add the rule</button>
    </form>
  `;
}

/** The rule that a form describes; times are those of the viewer's place. @param {FormData} form */
export function ruleFrom(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const list = (/** @type {string} */ name) => (text(name) ? [text(name)] : []);
  const hasTimes = text("start") !== "" || text("end") !== "";
  return {
    name: text("name"),
    risk_threshold: text("risk") === "" ? null : Number(text("risk")),
    object_types: list("label"),
    camera_ids: list("camera"),
    zone_ids: list("zone"),
    severity: text("severity") || null,
    cooldown_seconds: Math.round(Number(text("cooldown")) * 60),
    schedule: hasTimes
      ? {
          start_time: text("start") || null,
          end_time: text("end") || null,
          timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        }
      : null,
  };
}
