// Draws the live pictures of a camera on a canvas.
//
// While the page is hidden, the tile outside the window, or the camera known to
// be down, nothing is fetched.
//
// Decoding is not queued: a picture that comes while another is being decoded
// replaces the one that waits.

import { ApiError, LiveView, StillView } from "../client/index.js";
import { useEffect, useRef, useState } from "./html.js";
import { Slots, Watching } from "./stream-slots.js";

/** Streams a page holds open; three connections remain for everything else. */
const SLOTS = new Slots(3);

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
 * @param {boolean} isExpected whether the camera has pictures at all
 * @param {boolean} isLinked whether the box can be reached
 * @returns {Pictures} rendered anew when a stream begins or breaks; the owner
 *   renders every second anyway, to show ages
 */
export function usePictures(canvas, cameraId, api, isExpected, isLinked) {
  const view = useRef(/** @type {LiveView | null} */ (null));
  const [pictures] = useState(() => ({ ...NONE }));
  const [, render] = useState(0);
  useEffect(() => {
    if (!isExpected) return undefined;
    const options = { baseUrl: api.baseUrl, apiKey: api.apiKey, boxes: true };
    const views = { live: new LiveView(cameraId, options), still: new StillView(cameraId, options) };
    view.current = views.live;
    const draw = drawer(canvas, pictures);
    const told = (/** @type {{ state: string, error: Error | null }} */ { error }) => {
      if (error) pictures.error = { message: error.message, hint: hintOf(error) };
      render((count) => count + 1);
    };
    for (const each of [views.live, views.still]) {
      each.on("picture", draw);
      each.on("state", told);
    }
    const watching = new Watching(SLOTS, views);
    const forget = whileSeen(canvas, (isSeen) => (isSeen ? watching.begin() : watching.end()));
    return () => {
      forget();
      watching.end();
    };
  }, [cameraId, api, isExpected]);
  useEffect(() => {
    if (isLinked) view.current?.retryNow();
  }, [isLinked]);
  return pictures;
}

/** @param {Error} error */
function hintOf(error) {
  return error instanceof ApiError ? error.hint : null;
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
