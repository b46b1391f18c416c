// Asks for the key when the box wants one.

import { html, useEffect, useRef } from "./html.js";
import { EyeIcon } from "./icons.js";

/** @param {{ wasRefused: boolean, session: import("./session.js").Session }} props */
export function KeyPrompt({ wasRefused, session }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => field.current?.focus(), []);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const key = field.current?.value.trim();
    if (key) session.useKey(key);
  };
  return html`
    <main class="gate">
      <form class="gate-card" onSubmit=${submit}>
        <h1 class="brand"><span class="mark"><${EyeIcon} /></span>Watchpost</h1>
        <p>This box asks for a key. It is set in its configuration, under <code>keys</code>.</p>
        ${wasRefused && html`<p class="refused" role="alert">The box did not accept that key.</p>`}
        <input hidden readonly autocomplete="username" value="watchpost" />
        <label for="key">API key</label>
        <input id="key" ref=${field} type="password" autocomplete="current-password" required
          spellcheck=${false} aria-invalid=${wasRefused} />
        <button class="button primary" type="submit">Open the dashboard</button>
        <p class="small">The key is kept until this tab is closed.</p>
      </form>
    </main>
  `;
}
