// Types of the vendored file, for `tsc` only; the path is mapped in
// tests/browser/tsconfig.json.
export * from "preact/hooks";
