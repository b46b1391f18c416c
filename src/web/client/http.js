// Requests to the box: JSON in and out, the key in a header, errors as
// sentences.
//
// A request that is not answered in `timeoutMs` fails; nothing is repeated by
// itself. The key never appears in the address of a request, only in addresses
// made by `mediaUrl`, for elements that cannot send headers.

/** How long an answer may take, milliseconds. */
const TIMEOUT_MS = 15_000;

/**
 * Where the box is and who asks.
 *
 * @typedef {object} Connection
 * @property {string} [baseUrl] `http://box:8080`; in a browser, by default, the page's own origin
 * @property {string | null} [apiKey] needed when the box has keys configured
 * @property {string | null} [token] needed by WebSockets when the box has a WebSocket token configured
 * @property {typeof fetch} [fetch] stands in for the global one
 * @property {number} [timeoutMs] how long an answer may take
 */

/** What the box (or the way to it) refused. */
export class ApiError extends Error {
  /**
   * @param {string} message one sentence
   * @param {object} [details]
   * @param {number} [details.status] HTTP status; 0 when there was no answer
   * @param {string | null} [details.code] word for programs
   * @param {string | null} [details.hint] what to do
   */
  constructor(message, { status = 0, code = null, hint = null } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.hint = hint;
  }

  /** Whether a key is missing or wrong. */
  get needsKey() {
    return this.status === 401;
  }
}

/** Requests to one box. */
export class Api {
  /** @param {Connection} [connection] */
  constructor(connection = {}) {
    const page = typeof location === "object" ? location.origin : null;
    const base = connection.baseUrl ?? page;
    if (!base) throw new ApiError("no baseUrl: outside a browser, say where the box is");
    this.baseUrl = base.replace(/\/+$/, "");
    this.apiKey = connection.apiKey ?? null;
    this.token = connection.token ?? null;
    this.timeoutMs = connection.timeoutMs ?? TIMEOUT_MS;
    // Browsers insist that fetch is called on the global object.
    this.fetch = connection.fetch ?? globalThis.fetch.bind(globalThis);
  }

  /**
   * `GET`, JSON.
   *
   * @param {string} path such as `/api/events`
   * @param {Record<string, string | number | boolean | null | undefined>} [query] empty values are left out
   * @param {object} [options]
   * @param {AbortSignal} [options.signal]
   * @param {number[]} [options.alsoOk] statuses beside 2xx whose body is the answer
   * @returns {Promise<any>}
   */
  get(path, query = {}, { signal, alsoOk } = {}) {
    return this.#json(this.url(path, query), { signal }, alsoOk);
  }

  /**
   * `PATCH`, JSON.
   *
   * @param {string} path
   * @param {object} change
   * @returns {Promise<any>}
   */
  patch(path, change) {
    const headers = { "Content-Type": "application/json" };
    return this.#json(this.url(path), { method: "PATCH", headers, body: JSON.stringify(change) });
  }

  /**
   * `POST`, JSON.
   *
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  post(path, body = {}) {
    const headers = { "Content-Type": "application/json" };
    return this.#json(this.url(path), { method: "POST", headers, body: JSON.stringify(body) });
  }

  /**
   * `PUT`, JSON.
   *
   * @param {string} path
   * @param {object} body
   * @returns {Promise<any>}
   */
  put(path, body) {
    const headers = { "Content-Type": "application/json" };
    return this.#json(this.url(path), { method: "PUT", headers, body: JSON.stringify(body) });
  }

  /**
   * `DELETE`.
   *
   * @param {string} path
   */
  async remove(path) {
    const signal = AbortSignal.timeout(this.timeoutMs);
    const response = await this.#send(this.url(path), { method: "DELETE", signal });
    if (!response.ok) throw await refusal(response);
  }

  /**
   * `GET`, bytes, and the tag by which the box tells one version from the next.
   *
   * @param {string} path
   * @param {string} accept media type
   * @param {AbortSignal} signal
   * @returns {Promise<{ bytes: Uint8Array, tag: string | null }>}
   */
  async bytes(path, accept, signal) {
    const either = AbortSignal.any([signal, AbortSignal.timeout(this.timeoutMs)]);
    const response = await this.open(path, accept, either);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { bytes, tag: response.headers.get("ETag") };
  }

  /**
   * An open answer whose body is read as it comes. Ends only with `signal`.
   *
   * @param {string} path
   * @param {string} accept media type
   * @param {AbortSignal} signal
   * @param {Record<string, string>} [more] headers
   * @returns {Promise<Response>}
   */
  async open(path, accept, signal, more = {}) {
    const response = await this.#send(this.url(path), { headers: { Accept: accept, ...more }, signal });
    if (!response.ok) throw await refusal(response);
    return response;
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number | boolean | null | undefined>} [query]
   */
  url(path, query = {}) {
    const url = new URL(this.baseUrl + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== "") {
        url.searchParams.set(name, String(value));
      }
    }
    return url.href;
  }

  /**
   * Address of a picture for an element that cannot send headers: the key, if
   * any, is in the query.
   *
   * @param {string} path
   * @param {Record<string, string | number | boolean | null | undefined>} [query]
   */
  mediaUrl(path, query = {}) {
    return this.url(path, { ...query, api_key: this.apiKey });
  }

  /**
   * The address of an event's video, an MP4 file, for a `<video>` element.
   *
   * @param {number} eventId
   * @returns {string}
   */
  clipUrl(eventId) {
    return this.mediaUrl(`/api/events/${eventId}/clip`);
  }

  /**
   * The same for a clip that is still being recorded: what there is of it now.
   *
   * @param {number} eventId
   * @returns {Promise<string>}
   */
  async growingClipUrl(eventId) {
    const path = `/api/events/${eventId}/clip`;
    const signal = AbortSignal.timeout(this.timeoutMs);
    const response = await this.open(path, "video/mp4", signal, { Range: "bytes=0-0" });
    return this.mediaUrl(path, { length_ms: response.headers.get("Clip-Length-Ms") });
  }

  /**
   * The address of a camera's recording, an MP4 file, for a `<video>` element.
   *
   * @param {string} cameraId
   * @param {number} from milliseconds since 1970
   * @param {number} until at most an hour later
   * @returns {string}
   */
  recordingUrl(cameraId, from, until) {
    const [start, end] = [from, until].map((at) => new Date(at).toISOString());
    return this.mediaUrl(`/api/cameras/${cameraId}/recording`, { start, end });
  }

  /**
   * When the first picture behind an address of `recordingUrl` was taken, in
   * milliseconds since 1970; null when the box does not say.
   *
   * @param {string} url
   * @param {AbortSignal} signal
   * @returns {Promise<number | null>}
   */
  async recordingStart(url, signal) {
    const either = AbortSignal.any([signal, AbortSignal.timeout(this.timeoutMs)]);
    // An answer to HEAD could not say why there is nothing.
    const response = await this.#send(url, { headers: { Range: "bytes=0-0" }, signal: either });
    if (!response.ok) throw await refusal(response);
    const at = Date.parse(response.headers.get("Recording-Start") ?? "");
    return Number.isFinite(at) ? at : null;
  }

  /**
   * Address and subprotocols of a WebSocket.
   *
   * @param {string} path
   * @returns {{ url: string, protocols: string[] }}
   */
  socket(path) {
    const protocols = this.apiKey ? [`api-key.${this.apiKey}`] : [];
    return { url: this.url(path, { token: this.token }).replace(/^http/, "ws"), protocols };
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   * @param {number[]} [alsoOk]
   */
  async #json(url, init, alsoOk = []) {
    const deadline = AbortSignal.timeout(this.timeoutMs);
    const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
    const headers = { Accept: "application/json", ...init.headers };
    const response = await this.#send(url, { ...init, headers, signal });
    if (!response.ok && !alsoOk.includes(response.status)) throw await refusal(response);
    try {
      return await response.json();
    } catch (error) {
      if (signal.aborted && isAbort(signal.reason)) throw error;
      const said = error instanceof SyntaxError ? "something that is not JSON" : "half an answer";
      throw new ApiError(`the box sent ${said}`, { status: response.status });
    }
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   */
  async #send(url, init) {
    const headers = new Headers(init.headers);
    if (this.apiKey) headers.set("X-API-Key", this.apiKey);
    try {
      return await this.fetch(url, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted && isAbort(init.signal.reason)) throw error;
      const isLate = init.signal?.aborted ?? false;
      throw new ApiError(isLate ? "the box did not answer in time" : "the box cannot be reached", {
        code: isLate ? "timeout" : "unreachable",
        hint: "Check that the box is on and that this device is on the same network.",
      });
    }
  }
}

/**
 * Whether `error` only says that we ended the request ourselves.
 *
 * @param {unknown} error
 */
export function isAbort(error) {
  return error instanceof Error && error.name === "AbortError";
}

/**
 * The error that a refused request stands for, in the server's own words when
 * it sent some.
 *
 * @param {Response} response
 */
async function refusal(response) {
  const body = await response.json().catch(() => null);
  const detail = typeof body?.detail === "string" ? body.detail : null;
  const message = body?.message ?? detail ?? `the box answered ${response.status}`;
  return new ApiError(String(message), {
    status: response.status,
    code: body?.error?.code ?? null,
    hint: body?.error?.hint ?? null,
  });
}
