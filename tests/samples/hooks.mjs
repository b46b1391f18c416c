// As much of React and TypeScript as the hooks of the document need: their types are
// left out, and a hook lives without a page around it.

/** The JavaScript of a sample in TypeScript. @param {string} code */
export const withoutTypes = (code) =>
  code
    .replace(/^import .* from 'react';$/m, "")
    .replace(/^interface \w+ \{[^}]*\}$/gm, "")
    .replace(/useState<[^(]*>\(/g, "useState(")
    .replace(/\((\w+): string\)/g, "($1)")
    .replace(/^export /gm, "");

/**
 * State and effects of one hook; `rendered` is told each result.
 * @param {(result: any) => void} rendered
 */
export function lifeOf(rendered) {
  /** @type {any[]} */
  const cells = [];
  /** @type {() => any} */
  let hook = () => undefined;
  let at = 0;
  const render = () => {
    at = 0;
    const effects = cells.length;
    const result = hook();
    cells.slice(effects).forEach((cell) => (cell.cleanup = cell.effect?.()));
    rendered(result);
  };
  const react = {
    useState: (/** @type {any} */ initial) => {
      const cell = (cells[at] ??= { value: initial });
      at += 1;
      const set = (/** @type {any} */ next) => {
        cell.value = typeof next === "function" ? next(cell.value) : next;
        render();
      };
      return [cell.value, set];
    },
    // What it depends on never changes in these tests.
    useEffect: (/** @type {() => any} */ effect) => {
      cells[at] ??= { effect };
      at += 1;
    },
    useCallback: (/** @type {any} */ callback) => callback,
  };
  const mount = (/** @type {() => any} */ of) => {
    hook = of;
    render();
  };
  const unmount = () => cells.forEach((cell) => cell.cleanup?.());
  return { react, mount, unmount };
}
