// The alert rules: which there are, on and off, gone, and a form for one more or for
// changing one. What the form does not offer (days, templates, channels) stays as it is.

import { html, useEffect, useRef, useState } from "./html.js";
import { sentence, title } from "./format.js";
import { CloseIcon } from "./icons.js";

const LEVELS = ["low", "medium", "high", "critical"];

/** Of a list with several values, of which the form can show no one: it stays. */
const KEEP = "*";

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
 * @property {{ within_seconds: number } | null} motion_sensor
 * @property {number} cooldown_seconds
 *
 * @typedef {(change: (api: import("../client/http.js").Api) => Promise<any>) => Promise<boolean>} Change
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
  const [edited, edit] = useState(/** @type {Rule | null} */ (null));
  /** @type {Change} */
  const change = async (work) => {
    try {
      await work(session.api);
      setRules((await session.api.get("/api/alerts/rules")).rules);
      setTrouble("");
      return true;
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
      return false;
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
          ${rules?.map((rule) => html`
            <${Entry} key=${rule.id} rule=${rule} change=${change} edit=${() => edit(rule)} />
          `)}
        </ul>
        <${Form} key=${edited?.id ?? ""} state=${state} change=${change} rule=${edited}
          done=${() => edit(null)} />
      </div>
    </dialog>
  `;
}

/** @param {{ rule: Rule, change: Change, edit: () => void }} props */
function Entry({ rule, change, edit }) {
  const path = `/api/alerts/rules/${rule.id}`;
  const turn = () => change((api) => api.put(path, { enabled: !rule.enabled }));
  return html`
    <li>
      <label><input type="checkbox" checked=${rule.enabled} onChange=${turn} /> ${rule.name}</label>
      <span class="rule-words">${wordsFor(rule)}</span>
      <button class="button" type="button" onClick=${edit}
        aria-label=${`Change ${rule.name}`}>Change</button>
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
    rule.motion_sensor && `motion sensor within ${rule.motion_sensor.within_seconds} s`,
  ].filter(Boolean);
  return words.length > 0 ? words.join(", ") : "every event";
}

/**
 * A form for a new rule, or for the one that is changed.
 * @param {{ state: State, change: Change, rule: Rule | null, done: () => void }} props
 */
function Form({ state, change, rule, done }) {
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const body = ruleFrom(new FormData(form), rule);
    const isDone = await change((api) =>
      rule ? api.put(`/api/alerts/rules/${rule.id}`, body) : api.post("/api/alerts/rules", body),
    );
    if (!isDone) return;
    form.reset();
    done();
  };
  const cameras = state.cameras?.map(({ id, name }) => ({ value: id, text: name || id })) ?? [];
  const labels = state.labels.map((label) => ({ value: label, text: title(label) }));
  const levels = LEVELS.map((level) => ({ value: level, text: title(level) }));
  const minutes = rule ? rule.cooldown_seconds / 60 : 5;
  return html`
    <form class="rule-form" onSubmit=${submit}>
      <h3>${rule ? `Change ${rule.name}` : "One more"}</h3>
      <label>Name <input name="name" required maxlength="255" defaultValue=${rule?.name ?? ""} /></label>
      <label>Risk from
        <input name="risk" type="number" min="0" max="100" placeholder="any"
          defaultValue=${rule?.risk_threshold ?? ""} />
      </label>
      <label>Class
        <${Choice} name="label" any="Any class" options=${labels} chosen=${rule?.object_types} />
      </label>
      <label>Camera
        <${Choice} name="camera" any="All cameras" options=${cameras} chosen=${rule?.camera_ids} />
      </label>
      <label>Zones
        <input name="zone" maxlength="400" placeholder="any" defaultValue=${rule?.zone_ids.join(", ") ?? ""} />
      </label>
      <label>From <input name="start" type="time" defaultValue=${rule?.schedule?.start_time ?? ""} /></label>
      <label>To <input name="end" type="time" defaultValue=${rule?.schedule?.end_time ?? ""} /></label>
      <label>Motion sensor within seconds
        <input name="motion" type="number" min="0" max="600" placeholder="not asked"
          defaultValue=${rule?.motion_sensor?.within_seconds ?? ""} />
      </label>
      <label>Severity
        <${Choice} name="severity" any="As the event" options=${levels}
          chosen=${rule?.severity ? [rule.severity] : []} />
      </label>
      <label>Minutes until the next
        <input name="cooldown" type="number" min="0" max="10000" step="any" required defaultValue=${minutes} />
      </label>
      <button class="button primary" type="submit">${rule ? "Keep the change" : "Add the rule"}</button>
      ${rule && html`<button class="button" type="button" onClick=${done}>Leave it</button>`}
    </form>
  `;
}

/**
 * One of some values, any, or several that were chosen elsewhere and stay.
 * @param {{ name: string, any: string, options: { value: string, text: string }[], chosen?: string[] }} props
 */
function Choice({ name, any, options, chosen = [] }) {
  const isKnown = options.some(({ value }) => value === chosen[0]);
  return html`
    <select name=${name}>
      <option value="" selected=${chosen.length === 0}>${any}</option>
      ${(chosen.length > 1 || (chosen.length === 1 && !isKnown)) &&
      html`<option value=${KEEP} selected>${chosen.map(title).join(" or ")}</option>`}
      ${options.map(({ value, text }) => html`
        <option key=${value} value=${value} selected=${chosen.length === 1 && chosen[0] === value}>${text}</option>
      `)}
    </select>
  `;
}

/**
 * The rule that a form describes; times are those of the viewer's place, unless the
 * rule that is changed has a place of its own.
 * @param {FormData} form
 * @param {Rule | null} [rule] the one that is changed
 */
export function ruleFrom(form, rule = null) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const list = (/** @type {string} */ name, /** @type {string[]} */ known = []) => {
    if (text(name) === KEEP) return known;
    return text(name) ? [text(name)] : [];
  };
  const days = rule?.schedule?.days ?? [];
  const hasTimes = text("start") !== "" || text("end") !== "" || days.length > 0;
  return {
    name: text("name"),
    risk_threshold: text("risk") === "" ? null : Number(text("risk")),
    object_types: list("label", rule?.object_types),
    camera_ids: list("camera", rule?.camera_ids),
    zone_ids: text("zone").split(",").map((zone) => zone.trim()).filter(Boolean),
    severity: text("severity") || null,
    motion_sensor: text("motion") === "" ? null : { within_seconds: Number(text("motion")) },
    cooldown_seconds: Math.round(Number(text("cooldown")) * 60),
    schedule: hasTimes
      ? {
          days,
          start_time: text("start") || null,
          end_time: text("end") || null,
          timezone: rule?.schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
        }
      : null,
  };
}
