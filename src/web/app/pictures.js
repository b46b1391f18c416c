// Draws the live pictures of a camera on a canvas.
//
// While the page is hidden, or the tile outside the window, nothing is fetched.
// Decoding is not queued: a picture that comes while another is being decoded
// replaces the one that waits.

import { LiveView } from "../client/index.js";
import { useEffect, useState } from "./html.js";

/**
 * @typedef {object} Pictures
 * @property {number | null} lastAt when the last picture came, on the clock of `performance.now`
 * @property {number} width pixels of the last picture
 * @property {number} height
 * @property {{ message: string, hint: string | null } | null} error why the stream is not open
 */

/** @type {Pictures} */
const NONE = { lastAt: null, width: 0, height: 0, error: null };

/**
 * @param {{ current: HTMLCanvasElement | null }} canvas
 * @param {string} cameraId
 * @param {import("../client/http.js").Api} api
 * @returns {Pictures} rendered anew when a stream begins or breaks; the owner
 *   renders every second anyway, to show ages
 */
export function usePictures(canvas, cameraId, api) {
  const [pictures] = useState(() => ({ ...NONE }));
  const [, render] = useState(0);
  useEffect(() => {
    const view = new LiveView(cameraId, { baseUrl: api.baseUrl, apiKey: api.apiKey, boxes: true });
    const draw = drawer(canvas, pictures);
    view.on("picture", draw);
    view.on("state", ({ state, error }) => {
      if (state === "waiting" && error) {
        pictures.error = { message: error.message, hint: /** @type {any} */ (error).hint ?? null };
      }
      render((count) => count + 1);
    });
    const forget = whileSeen(canvas, (isSeen) => (isSeen ? view.open() : view.close()));
    return () => {
      forget();
      view.close();
    };
  }, [cameraId, api]);
  return pictures;
}

/**
 * @param {{ current: HTMLCanvasElement | null }} canvas
 * @param {Pictures} pictures updated with each picture
 * @returns {(picture: Uint8Array) => void}
 */
function drawer(canvas, pictures) {
  let isDecoding = false;
  /** @type {Uint8Array | null} */
  let waiting = null;
  const draw = async (/** @type {Uint8Array} */ picture) => {
    waiting = picture;
    if (isDecoding) return;
    isDecoding = true;
    while (waiting) {
      const next = waiting;
      waiting = null;
      await drawOn(canvas.current, next, pictures);
    }
    isDecoding = false;
  };
  return (picture) => void draw(picture);
}

/**
 * @param {HTMLCanvasElement | null} canvas
 * @param {Uint8Array} picture
 * @param {Pictures} pictures
 */
async function drawOn(canvas, picture, pictures) {
  try {
    const blob = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (picture)], { type: "image/jpeg" });
    const bitmap = await createImageBitmap(blob);
    const { width, height } = bitmap;
    if (canvas) {
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    }
    bitmap.close();
    // Only a picture that was drawn counts as one.
    Object.assign(pictures, { lastAt: performance.now(), width, height, error: null });
  } catch {
    pictures.error = { message: "the box sent a picture that cannot be decoded", hint: null };
  }
}

/**
 * Tells whether somebody can see the element: now, and when that changes.
 *
 * @param {{ current: Element | null }} element
 * @param {(isSeen: boolean) => void} tell
 * @returns {() => void} stops telling
 */
function whileSeen(element, tell) {
  let isInWindow = true;
  const update = () => tell(isInWindow && !document.hidden);
  const observer = new IntersectionObserver((entries) => {
    isInWindow = entries.at(-1)?.isIntersecting ?? true;
    update();
  });
  if (element.current) observer.observe(element.current);
  document.addEventListener("visibilitychange", update);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", update);
  };
}
