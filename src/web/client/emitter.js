// Named events with typed payloads: the `.on(name, fn)` of this library.
//
// Listeners are called in the order they were added, on the caller's turn. One
// that throws does not keep the others from hearing the event: its error is
// reported as an unhandled rejection.

/**
 * @template {Record<string, any>} Events maps event names to payloads
 */
export class Emitter {
  constructor() {
    /** @type {Map<keyof Events, Set<(payload: any) => void>>} */
    this.listeners = new Map();
  }

  /**
   * Calls `listener` at every event called `name`, until the returned function
   * is called.
   *
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(payload: Events[Name]) => void} listener
   * @returns {() => void} stops listening
   */
  on(name, listener) {
    const known = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, known.add(listener));
    return () => {
      known.delete(listener);
    };
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} payload
   */
  emit(name, payload) {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      try {
        listener(payload);
      } catch (error) {
        void Promise.reject(error);
      }
    }
  }
}
