// How the box is, in the order in which a person wants to know: worst first.

import { title } from "./format.js";

const ORDER = ["unhealthy", "failed", "restart_failed", "restarting", "degraded", "healthy"];

/**
 * What `GET /api/system/health` says.
 *
 * @param {any} answer
 * @returns {import("./state.js").Health}
 */
export function healthFrom(answer) {
  const services = Object.entries(answer.services ?? {}).map(([name, service]) => ({
    name,
    status: service.status,
    message: service.message ?? "",
    nextStep: service.next_step ?? service.details?.next_step ?? null,
  }));
  return { status: answer.status, services: services.sort(worstFirst) };
}

/**
 * The health with what a message said about one component.
 *
 * @param {import("./state.js").Health | null} health
 * @param {import("../client/types.js").ServiceStatus} news
 * @returns {import("./state.js").Health | null}
 */
export function withService(health, news) {
  if (!health) return null;
  const service = {
    name: news.service,
    // The contract has no word for degraded; `state` says it.
    status: news.state ?? news.status,
    message: news.message,
    nextStep: news.next_step ?? null,
  };
  const others = health.services.filter(({ name }) => name !== news.service);
  return { ...health, services: [...others, service].sort(worstFirst) };
}

/**
 * What is said about one camera.
 *
 * @param {import("./state.js").Health | null} health
 * @param {string} cameraId
 */
export function cameraHealth(health, cameraId) {
  return health?.services.find(({ name }) => name === `camera.${cameraId}`) ?? null;
}

/**
 * `camera.front_door` as `Front door`, `store` as `Store`.
 *
 * @param {string} name
 * @param {import("../client/types.js").Camera[] | null} cameras
 */
export function spoken(name, cameras) {
  const camera = cameras?.find(({ id }) => name === `camera.${id}`);
  return camera?.name ?? title(name.replace(".", " "));
}

/**
 * @param {import("./state.js").Service} a
 * @param {import("./state.js").Service} b
 */
function worstFirst(a, b) {
  const rank = (/** @type {string} */ status) => (ORDER.indexOf(status) + ORDER.length) % ORDER.length;
  return rank(a.status) - rank(b.status) || a.name.localeCompare(b.name);
}
