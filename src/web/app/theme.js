// Light, dark, or as the system is set; the choice stays in this browser.

const ITEM = "watchpost.theme";

/** @typedef {"system" | "light" | "dark"} Theme */

/** @type {Theme[]} */
export const THEMES = ["system", "light", "dark"];

/** @returns {Theme} */
export function rememberedTheme() {
  const word = localStorage.getItem(ITEM);
  return THEMES.find((theme) => theme === word) ?? "system";
}

/** @param {Theme} theme */
export function applyTheme(theme) {
  document.documentElement.dataset["theme"] = theme;
  localStorage.setItem(ITEM, theme);
}
