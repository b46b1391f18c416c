// Preact and its templates in one import.

import { h } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

/** Markup as a tagged template; every template here has one root. */
export const html = /** @type {(strings: TemplateStringsArray, ...values: any[]) => import("../vendor/preact.js").VNode} */ (
  htm.bind(h)
);

export { Fragment, render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
