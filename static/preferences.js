// @ts-check
/** What the browser remembers for the next visit. */

const PREFIX = "voice-agent.";

/**
 * @param {"user" | "locale"} key
 * @returns {string | null}
 */
export function stored(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    // Storage may be forbidden; then every visit is the first.
    return null;
  }
}

/**
 * @param {"user" | "locale"} key
 * @param {string} value
 */
export function store(key, value) {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // As above: nothing is lost but the memory.
  }
}

/** What lasts as long as the tab: its talk. @returns {Storage | null} null where storage is forbidden. */
export function sessionMemory() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
