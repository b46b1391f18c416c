// What can be asked of one camera, in the words of the camera SDK.
//
//     const camera = new CameraControl("studio", { baseUrl: "http://box:8080" });
//     await camera.connect();
//     await camera.setProperty("iso", "400");
//     await camera.shutter();
//
// Every method is one request and resolves with the box's answer; a refusal
// rejects with an `ApiError` in the box's words. Nothing is repeated by itself: a
// shutter that has fired must not fire twice. A camera that is a stream refuses
// what it has not (focus, zoom, cards); its shutter keeps the newest frame.

import { Api } from "./http.js";

/** A camera may take its time; the box answers within 50 s, milliseconds. */
const TIMEOUT_MS = 55_000;
/** How long a picture may take, milliseconds. */
const PICTURE_MS = 15_000;

/**
 * @typedef {"remote" | "remote-transfer" | "contents"} ConnectionMode
 *
 * @typedef {object} CameraAnswer
 * @property {boolean} success
 * @property {string} message what was done, in words
 * @property {{ connected: boolean, model: string, id: string }} [camera]
 * @property {any} [data] what was asked for
 *
 * @typedef {object} PropertyValue
 * @property {string} property its name
 * @property {string} value lower-case hex
 * @property {string} formatted for people
 * @property {boolean} writable
 * @property {{ value: string, formatted: string }[]} available_values
 *
 * @typedef {object} CardFile
 * @property {number} content_id RAW and JPEG of one exposure share it
 * @property {number} file_id
 * @property {string} file_path
 * @property {number} file_size bytes
 *
 * @typedef {object} Still
 * @property {string} id
 * @property {string} camera_id
 * @property {string} name such as `DSC00001.JPG`
 * @property {string} content_type
 * @property {number} size_bytes
 * @property {string} written_at RFC 3339, UTC
 * @property {string} url path of the file on the box
 */

export class CameraControl {
  /**
   * @param {string} cameraId
   * @param {import("./http.js").Connection} [options]
   */
  constructor(cameraId, options = {}) {
    this.id = cameraId;
    this.api = new Api({ timeoutMs: TIMEOUT_MS, ...options });
    this.path = `/api/cameras/${encodeURIComponent(cameraId)}`;
  }

  /**
   * What the box keeps of its photographs, the latest first.
   *
   * @param {{ limit?: number, offset?: number }} [page]
   * @returns {Promise<{ items: Still[], pagination: { total: number, has_more: boolean } }>}
   */
  stills(page = {}) {
    return this.api.get(`${this.path}/stills`, page);
  }

  /**
   * The address of a still's file, for an element that cannot send headers.
   *
   * @param {Still} still
   * @returns {string}
   */
  stillUrl(still) {
    return this.api.mediaUrl(still.url);
  }

  /**
   * Begins a session; one that is there stays as it is.
   *
   * @param {ConnectionMode} [mode]
   * @returns {Promise<CameraAnswer>}
   */
  connect(mode = "remote") {
    return this.api.post(`${this.path}/connection`, { mode });
  }

  /** Ends the session. */
  disconnect() {
    return this.api.remove(`${this.path}/connection`);
  }

  /** Whether there is a session, and its mode. @returns {Promise<CameraAnswer>} */
  connection() {
    return this.api.get(`${this.path}/connection`);
  }

  /** @param {string} name @returns {Promise<PropertyValue>} */
  async property(name) {
    const answer = await this.api.get(`${this.path}/properties/${encodeURIComponent(name)}`);
    return answer.data;
  }

  /** All properties, by name. @returns {Promise<Record<string, any>>} */
  async properties() {
    const answer = await this.api.get(`${this.path}/properties/all`);
    return answer.data.properties;
  }

  /**
   * @param {string} name
   * @param {string | number} value hex, decimal, or a label such as `1/250`
   * @returns {Promise<CameraAnswer>}
   */
  setProperty(name, value) {
    return this.api.put(`${this.path}/properties/${encodeURIComponent(name)}`, { value });
  }

  /**
   * Who has the say: the box or the camera's dials.
   *
   * @param {"pc-remote" | "camera-position"} setting
   * @returns {Promise<CameraAnswer>}
   */
  setPriorityKey(setting) {
    return this.api.put(`${this.path}/priority-key`, { setting });
  }

  /**
   * Takes a photograph.
   *
   * @param {"down" | "up"} [action] to hold the shutter and let go of it
   * @returns {Promise<CameraAnswer>}
   */
  shutter(action) {
    return this.#act("shutter", action ? { action } : {});
  }

  /** Focuses. */
  halfPress() {
    return this.#act("half-press");
  }

  /** Focuses, then takes a photograph. */
  afShutter() {
    return this.#act("af-shutter");
  }

  /** Begins a movie, or ends it. */
  movieRecord() {
    return this.#act("movie-rec");
  }

  /** @param {number} speed -10 (wide) to 10 (tele); 0 stops */
  zoom(speed) {
    return this.#act("zoom", { speed });
  }

  /** @param {number} step -7 (near) to 7 (far), not 0 */
  focus(step) {
    return this.#act("focus-near-far", { step });
  }

  /**
   * Puts the autofocus area somewhere, as fractions of the picture.
   *
   * @param {number} x from the left
   * @param {number} y from the top
   * @returns {Promise<CameraAnswer>}
   */
  setFocusArea(x, y) {
    return this.api.put(`${this.path}/af-area-position`, { normalized: { x, y } });
  }

  /** What the box's detector sees now, the surest first. @returns {Promise<any[]>} */
  async trackingFrames() {
    const answer = await this.api.get(`${this.path}/tracking-frame`);
    return answer.data.frames;
  }

  /** Pictures come from now on: `picture` has the newest one. */
  startLiveView() {
    return this.#liveView("start");
  }

  /** Pictures come no longer. */
  stopLiveView() {
    return this.#liveView("stop");
  }

  /** Whether pictures come. @returns {Promise<{ enabled: boolean, streaming: boolean }>} */
  async liveViewStatus() {
    const answer = await this.api.get(`${this.path}/live-view/status`);
    return answer.data;
  }

  /** @param {boolean} isOn whether `picture` can draw what is detected */
  setDisplay(isOn) {
    return this.#liveView(isOn ? "osd-enable" : "osd-disable");
  }

  /**
   * The newest picture of a running live view, JPEG.
   *
   * @param {{ boxes?: boolean, signal?: AbortSignal }} [options] `boxes` need the display
   */
  async picture({ boxes = false, signal } = {}) {
    const path = `${this.path}/live-view/${boxes ? "osd-frame" : "frame"}`;
    const { bytes } = await this.api.bytes(path, "image/jpeg", signal ?? AbortSignal.timeout(PICTURE_MS));
    return bytes;
  }

  /** @param {1 | 2} slot @returns {Promise<CardFile[]>} */
  async files(slot = 1) {
    const answer = await this.api.get(`${this.path}/sd-card/slot/${slot}/files`);
    return answer.files;
  }

  /**
   * Fetches a file from a card to the box; the event stream tells its end.
   *
   * @param {1 | 2} slot
   * @param {CardFile} file
   * @param {{ form?: "download" | "thumbnail" | "screennail", directory?: string }} [options]
   * @returns {Promise<{ success: boolean, message: string }>}
   */
  fetchFile(slot, file, { form = "download", directory } = {}) {
    const path = `${this.path}/sd-card/slot/${slot}/files/${file.content_id}/${file.file_id}/${form}`;
    return this.api.post(path, directory ? { save_path: directory } : {});
  }

  /** Where stills go. @returns {Promise<{ path: string, prefix: string, startNo: number }>} */
  async saveInfo() {
    const answer = await this.api.get(`${this.path}/settings/save-info`);
    return answer.data;
  }

  /**
   * @param {{ path: string, prefix?: string, startNo?: number }} info
   * @returns {Promise<CameraAnswer>}
   */
  setSaveInfo(info) {
    return this.api.put(`${this.path}/settings/save-info`, info);
  }

  /**
   * @param {string} action
   * @param {object} [body]
   * @returns {Promise<CameraAnswer>}
   */
  #act(action, body) {
    return this.api.post(`${this.path}/actions/${action}`, body);
  }

  /** @param {string} verb @returns {Promise<CameraAnswer>} */
  #liveView(verb) {
    return this.api.post(`${this.path}/live-view/${verb}`);
  }
}
