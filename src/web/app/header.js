// Name of the product, whether what is shown is live, the rules, and the theme.

import { html, useState } from "./html.js";
import { ago } from "./format.js";
import { AutoIcon, BellIcon, EyeIcon, MoonIcon, SunIcon } from "./icons.js";
import { useNow } from "./state.js";
import { applyTheme, rememberedTheme, THEMES } from "./theme.js";

/**
 * @param {{
 *   state: import("./state.js").State,
 *   session: import("./session.js").Session,
 * }} props
 */
export function Header({ state, session }) {
  return html`
    <header class="top">
      <h1 class="brand"><span class="mark"><${EyeIcon} /></span>Watchpost</h1>
      <${Link} link=${state.link} lastMessageAt=${state.lastMessageAt} />
      <button class="icon-button" type="button" aria-label="Alert rules" title="Alert rules"
        onClick=${() => session.showRules(true)}>
        <${BellIcon} />
      </button>
      <${ThemeButton} />
    </header>
  `;
}

/** @param {Pick<import("./state.js").State, "link" | "lastMessageAt">} props */
function Link({ link, lastMessageAt }) {
  useNow();
  const ageMs = lastMessageAt === null ? null : performance.now() - lastMessageAt;
  return html`
    <p class="link" data-link=${link}>
      <span class="dot" aria-hidden="true"></span>
      <strong role="status">${LINK_WORDS[link]}</strong>
      ${ageMs !== null && html`<span><span class="link-prefix">last message </span>${ago(ageMs)}</span>`}
    </p>
  `;
}

const LINK_WORDS = {
  connecting: "Connecting",
  live: "Live",
  lost: "Connection lost, showing old data",
};

function ThemeButton() {
  const [theme, setTheme] = useState(rememberedTheme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const turn = () => {
    applyTheme(next);
    setTheme(next);
  };
  const label = `Theme: ${theme}. Switch to ${next}.`;
  const Icon = { system: AutoIcon, light: SunIcon, dark: MoonIcon }[theme];
  return html`
    <button class="icon-button" type="button" aria-label=${label} title=${label} onClick=${turn}>
      <${Icon} />
    </button>
  `;
}
