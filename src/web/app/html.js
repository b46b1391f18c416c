// Preact and its templates in one import.

import { h } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

/**
 * `h` for htm. Setting `this[0]` keeps htm from caching the parts of a template
 * that have no values: Preact writes the parent into each vnode, so a cached one
 * keeps every tree alive that it was ever part of (measured: 2 MB a minute).
 *
 * @this {number[]}
 * @param {[any, any, ...any[]]} args
 */
function uncached(...args) {
  this[0] = 3;
  return h(...args);
}

/** Markup as a tagged template; every template here has one root. */
export const html = /** @type {(strings: TemplateStringsArray, ...values: any[]) => import("../vendor/preact.js").VNode} */ (
  htm.bind(uncached)
);

export { Component, Fragment, render } from "../vendor/preact.js";
export { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
