// The page: one store, one session, one tree of components.

import { html, render } from "./html.js";
import { App } from "./app.js";
import { Session } from "./session.js";
import { Store } from "./state.js";
import { applyTheme, rememberedTheme } from "./theme.js";

const root = document.getElementById("app");
if (root) {
  applyTheme(rememberedTheme());
  const store = new Store();
  const session = new Session(store);
  root.replaceChildren();
  render(html`<${App} store=${store} session=${session} />`, root);
  session.start();
  addEventListener("online", () => session.retryNow());
}
