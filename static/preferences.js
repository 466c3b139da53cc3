// @ts-check
/** What the browser remembers for the next visit. */

/** Two servers may have their pages below two paths of one origin, which has one storage. */
const PREFIX = `voice-agent${new URL(".", document.baseURI).pathname.replaceAll("/", ".")}`;

/** Under which the client library keeps the talk of a tab. */
export const TALK_KEY = PREFIX.slice(0, -1);

/** @typedef {"user" | "locale" | "microphone" | "turn-detection" | "speaker" | "aloud" | "loudspeaker" | "voice" | "speed" | "theme"} Key */

/** @param {Key} key */
export function stored(key) {
  return read(() => localStorage, key);
}

/**
 * @param {Key} key
 * @param {string} value
 */
export function store(key, value) {
  write(() => localStorage, key, value);
}

/** The server's token, of this tab or of this device; empty where none is kept. */
export function storedToken() {
  return read(() => sessionStorage, "token") ?? read(() => localStorage, "token") ?? "";
}

/**
 * @param {string} token Empty: none is kept any more.
 * @param {boolean} isForDevice Whether later visits have it too; else it goes with the tab.
 */
export function storeToken(token, isForDevice) {
  write(() => sessionStorage, "token", isForDevice ? "" : token);
  write(() => localStorage, "token", isForDevice ? token : "");
}

/** What was being written in a talk. @param {string} sessionId */
export function draftOf(sessionId) {
  return read(() => sessionStorage, `draft.${sessionId}`) ?? "";
}

/**
 * @param {string} sessionId
 * @param {string} text Empty: nothing is kept any more.
 */
export function keepDraft(sessionId, text) {
  write(() => sessionStorage, `draft.${sessionId}`, text);
}

/** What lasts as long as the tab: its talk. @returns {Storage | null} null where storage is forbidden. */
export function sessionMemory() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/**
 * @param {() => Storage} place
 * @param {string} key
 */
function read(place, key) {
  try {
    return place().getItem(PREFIX + key);
  } catch {
    // Storage may be forbidden; then every visit is the first.
    return null;
  }
}

/**
 * @param {() => Storage} place
 * @param {string} key
 * @param {string} value
 */
function write(place, key, value) {
  try {
    if (value) place().setItem(PREFIX + key, value);
    else place().removeItem(PREFIX + key);
  } catch {
    // As above: nothing is lost but the memory.
  }
}
