// @ts-check
/**
 * The socket: it opens, comes back after a drop, and keeps texts until they can be sent. No DOM.
 *
 * Events (`CustomEvent`):
 * - `status`, detail `ConnectionStatus`: after each change.
 * - `event`, detail `PageEvent`: what the server said.
 * - `sent`, detail the text's id: it has left.
 */

/** @typedef {import("./protocol-v1.js").PageEvent} PageEvent */

/**
 * `waiting` comes back by itself at `retryAt` (milliseconds on `Date.now()`); `closed` does not.
 *
 * @typedef {{status: "connecting" | "ready"}
 *   | {status: "waiting", code: number, retryAt: number}
 *   | {status: "closed", code: number}} ConnectionStatus
 */

/**
 * @typedef {object} Protocol
 * @property {(userId: string) => string} opening
 * @property {(content: string, userId: string) => string} userText
 * @property {(frame: unknown) => PageEvent | null} read
 */

/**
 * Leaving, restart, trouble on either side, a drop; and wire faults, after which the text that caused them is
 * not sent again. All others mean "do not come back by yourself".
 */
const RETURNING_CODES = new Set([1001, 1002, 1003, 1005, 1006, 1007, 1009, 1011, 1012, 1013]);

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
/** From the first packet to `session_created`; a browser alone would wait for minutes. */
const OPEN_LIMIT_MS = 10_000;

/**
 * How long to wait before a try: exponential with full jitter, so that the browsers of a restarted server do
 * not come back in step.
 *
 * @param {number} failures Tries that failed since the last session, from 0.
 * @param {number} random From 0 to 1.
 * @returns {number} Milliseconds.
 */
export function backOff(failures, random) {
  return random * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
}

export class Connection extends EventTarget {
  #url;
  #protocol;
  #userId;
  #hasRoom;
  /** @type {WebSocket | null} */
  #socket = null;
  #isReady = false;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {{id: string, content: string}[]} */
  #unsent = [];

  /**
   * @param {string} url
   * @param {Protocol} protocol
   * @param {string} userId
   * @param {() => boolean} hasRoom Whether the server may be sent another text now.
   */
  constructor(url, protocol, userId, hasRoom) {
    super();
    this.#url = url;
    this.#protocol = protocol;
    this.#userId = userId;
    this.#hasRoom = hasRoom;
  }

  /** Whether a session exists on the other side. */
  get isReady() {
    return this.#isReady;
  }

  /** Connects now, whatever was planned; does nothing while a connection is open or being made. */
  connect() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#tell({ status: "connecting" });
    this.#timer = setTimeout(() => this.#drop(socket, 1006), OPEN_LIMIT_MS);
    socket.addEventListener("open", () => socket.send(this.#protocol.opening(this.#userId)));
    socket.addEventListener("message", ({ data }) => this.#receive(socket, data));
    socket.addEventListener("close", ({ code }) => this.#drop(socket, code));
  }

  /**
   * Says goodbye and begins another session.
   *
   * @param {string} userId
   */
  restart(userId) {
    const old = this.#socket;
    this.#userId = userId;
    this.#socket = null;
    this.#isReady = false;
    this.#failures = 0;
    old?.close(1000);
    this.connect();
  }

  /**
   * Sends a text, now or when there is a session that has room for it.
   *
   * @param {string} id
   * @param {string} content
   */
  say(id, content) {
    this.#unsent.push({ id, content });
    this.flush();
  }

  /** Forgets the texts that have not left. */
  forget() {
    this.#unsent = [];
  }

  /** Sends what waits, as far as the server has room. */
  flush() {
    while (this.#isReady && this.#socket && this.#unsent.length > 0 && this.#hasRoom()) {
      const [{ id, content }] = this.#unsent.splice(0, 1);
      this.#socket.send(this.#protocol.userText(content, this.#userId));
      this.dispatchEvent(new CustomEvent("sent", { detail: id }));
    }
  }

  /**
   * @param {WebSocket} socket
   * @param {unknown} frame
   */
  #receive(socket, frame) {
    if (socket !== this.#socket) return;
    const event = this.#protocol.read(frame);
    if (!event) return;
    if (event.kind === "session") {
      clearTimeout(this.#timer);
      this.#failures = 0;
      this.#isReady = true;
      this.#tell({ status: "ready" });
    }
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
    this.flush();
  }

  /**
   * The connection is over; plans the next one where the code allows it.
   *
   * @param {WebSocket} socket
   * @param {number} code
   */
  #drop(socket, code) {
    if (socket !== this.#socket) return;
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#isReady = false;
    socket.close();
    if (!RETURNING_CODES.has(code)) {
      this.#tell({ status: "closed", code });
      return;
    }
    const delay = backOff(this.#failures, Math.random());
    this.#failures += 1;
    this.#timer = setTimeout(() => this.connect(), delay);
    this.#tell({ status: "waiting", code, retryAt: Date.now() + delay });
  }

  /** @param {ConnectionStatus} status */
  #tell(status) {
    this.dispatchEvent(new CustomEvent("status", { detail: status }));
  }
}
