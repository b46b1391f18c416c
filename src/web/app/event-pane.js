// The events: filters, list, and the way to older ones.

import { Fragment, html, useEffect, useRef } from "./html.js";
import { EventCard } from "./event-card.js";
import { EVENTS_MAX, NO_FILTERS } from "./event-list.js";
import { dayName, sentence, title } from "./format.js";

/** How far below the window the next page is asked for already. */
const AHEAD = "600px";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./session.js").Session} Session
 */

/** @param {{ state: State, session: Session }} props */
export function EventPane({ state, session }) {
  return html`
    <section class="events" id="events" aria-labelledby="events-title" tabindex="-1">
      <div class="events-head">
        <h2 id="events-title">Events</h2>
        <${FilterRow} state=${state} session=${session} />
      </div>
      <p class="hidden" role="status">${state.announcement}</p>
      <${List} state=${state} session=${session} />
      <${Foot} state=${state} session=${session} />
    </section>
  `;
}

/** @param {{ state: State, session: Session }} props */
function FilterRow({ state, session }) {
  const { filters, cameras, labels } = state;
  const levels = ["low", "medium", "high", "critical"];
  const names = (cameras ?? []).map(({ id, name }) => ({ value: id, text: name || id }));
  return html`
    <div class="filters" role="group" aria-label="Filters">
      <${Choice} label="Camera" any="All cameras" value=${filters.camera} options=${names}
        onChoose=${(/** @type {string} */ camera) => session.filter({ camera })} />
      <${Choice} label="Risk" any="Any risk" value=${filters.level}
        options=${levels.map((value) => ({ value, text: title(value) }))}
        onChoose=${(/** @type {any} */ level) => session.filter({ level })} />
      <${Choice} label="Class" any="Any class" value=${filters.label}
        options=${labels.map((value) => ({ value, text: title(value) }))}
        onChoose=${(/** @type {string} */ label) => session.filter({ label })} />
    </div>
  `;
}

/**
 * @param {{
 *   label: string,
 *   any: string,
 *   value: string,
 *   options: { value: string, text: string }[],
 *   onChoose: (value: string) => void,
 * }} props
 */
function Choice({ label, any, value, options, onChoose }) {
  const choose = (/** @type {Event} */ { target }) =>
    onChoose(/** @type {HTMLSelectElement} */ (target).value);
  return html`
    <select aria-label=${label} value=${value} onChange=${choose} data-set=${value !== ""}>
      <option value="">${any}</option>
      ${options.map(
        (option) => html`<option key=${option.value} value=${option.value}>${option.text}</option>`,
      )}
    </select>
  `;
}

/** @param {{ state: State, session: Session }} props */
function List({ state, session }) {
  const { events, cameras } = state;
  const names = new Map((cameras ?? []).map(({ id, name }) => [id, name || id]));
  const now = new Date();
  let day = "";
  return html`
    <ol class="event-list" aria-busy=${state.eventsPhase === "loading"}>
      ${events.items.map((event) => {
        const before = day;
        day = dayName(event.started_at, now);
        return html`
          <${Fragment} key=${event.id}>
            ${day !== before && html`<li class="day" role="presentation">${day}</li>`}
            <${EventCard} event=${event} cameraName=${names.get(event.camera_id) ?? event.camera_id}
              session=${session} />
          <//>
        `;
      })}
    </ol>
  `;
}

/** @param {{ state: State, session: Session }} props */
function Foot({ state, session }) {
  const { events, eventsPhase, eventsTrouble, eventsLoaded } = state;
  if (eventsTrouble) {
    return html`
      <div class="empty" role="alert">
        <p><strong>${sentence(eventsTrouble.message)}</strong></p>
        ${eventsTrouble.hint && html`<p>${sentence(eventsTrouble.hint)}</p>`}
        <button class="button" type="button" onClick=${() => session.loadNewest()}>Try again</button>
      </div>
    `;
  }
  if (eventsPhase === "loading" && !eventsLoaded) return html`<${Skeletons} />`;
  if (events.items.length === 0) return html`<${NoEvents} state=${state} session=${session} />`;
  if (events.items.length >= EVENTS_MAX) {
    return html`<p class="end">The newest ${EVENTS_MAX} are shown. Use the filters to look further back.</p>`;
  }
  if (events.cursor === null) return html`<p class="end">No older events.</p>`;
  return html`<${Older} session=${session} key=${events.cursor} isLoading=${eventsPhase === "loading"} />`;
}

/** Asks for older events when it comes into view. @param {{ session: Session, isLoading: boolean }} props */
function Older({ session, isLoading }) {
  const mark = useRef(/** @type {HTMLDivElement | null} */ (null));
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) void session.loadOlder();
      },
      { rootMargin: AHEAD },
    );
    if (mark.current) observer.observe(mark.current);
    return () => observer.disconnect();
  }, [session]);
  return html`
    <div class="older" ref=${mark}>
      <button class="button" type="button" disabled=${isLoading} onClick=${() => session.loadOlder()}>
        ${isLoading ? "Loading…" : "Load older events"}
      </button>
    </div>
  `;
}

function Skeletons() {
  return html`
    <div class="skeletons" aria-hidden="true">
      ${[1, 2, 3, 4].map((n) => html`<div class="card skeleton" key=${n}></div>`)}
    </div>
  `;
}

/** @param {{ state: State, session: Session }} props */
function NoEvents({ state, session }) {
  const isFiltered = Object.keys(NO_FILTERS).some(
    (name) => state.filters[/** @type {keyof typeof NO_FILTERS} */ (name)] !== "",
  );
  if (isFiltered) {
    return html`
      <div class="empty">
        <p><strong>No event matches these filters.</strong></p>
        <button class="button" type="button" onClick=${() => session.clearFilters()}>Show all events</button>
      </div>
    `;
  }
  return html`
    <div class="empty">
      <p><strong>Nothing has happened yet.</strong></p>
      <p>An event appears here as soon as a camera sees a person, a vehicle or another class it
        watches for. Walk in front of one to try it.</p>
    </div>
  `;
}
