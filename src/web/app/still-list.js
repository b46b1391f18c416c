// What a camera has photographed, the latest first: names that open the file. The
// files are as large as the camera makes them, so none is fetched to show it small.

import { CameraControl } from "../client/index.js";
import { fileSize, fullTime, sentence } from "./format.js";
import { html, useEffect, useState } from "./html.js";

/** Stills that are listed at first, and with each "More". */
const PAGE = 12;

/** More are not listed here. */
const MOST = 96;

/** A photograph is there some seconds after its shutter: how often to look, milliseconds. */
const LOOK_MS = 5_000;

/**
 * @typedef {import("../client/camera-control.js").Still} Still
 * @typedef {{ stills: Still[], hasMore: boolean }} Listed
 */

/**
 * @param {{ control: CameraControl, round: unknown }} props
 *   `round`: another one when there may be more than before
 */
export function StillList({ control, round }) {
  const [count, setCount] = useState(PAGE);
  const [listed, setListed] = useState(/** @type {Listed | null} */ (null));
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let isOver = false;
    const look = async () => {
      try {
        const { items, pagination } = await control.stills({ limit: count });
        if (isOver) return;
        setListed({ stills: items, hasMore: pagination.has_more });
        setTrouble("");
      } catch (error) {
        if (!isOver) setTrouble(error instanceof Error ? error.message : String(error));
      }
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [round, count]);
  if (trouble) return html`<p class="stills-trouble">${sentence(trouble)}</p>`;
  if (!listed || listed.stills.length === 0) return null;
  return html`
    <section class="stills" aria-labelledby="stills-title">
      <h3 id="stills-title">Stills</h3>
      <ul>
        ${listed.stills.map((still) => html`
          <li key=${still.id}>
            <a href=${control.stillUrl(still)} target="_blank" rel="noopener">${still.name}</a>
            <span>${fullTime(still.written_at)}, ${fileSize(still.size_bytes)}</span>
          </li>
        `)}
      </ul>
      ${listed.hasMore && count < MOST && html`
        <button class="button" type="button" onClick=${() => setCount(count + PAGE)}>More stills</button>
      `}
    </section>
  `;
}
