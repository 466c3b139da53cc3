// @ts-check
/** The state at a glance, and what the page does about a lost connection. */

import { known, show } from "./language.js";
import { part } from "./dom.js";
import { UNAUTHORIZED } from "./voice-agent-client.js";

/** @typedef {import("./texts.js").TextKey} TextKey */
/** @typedef {import("./voice-agent-client.js").ConnectionStatus} ConnectionStatus */
/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */

/** @type {Record<number, TextKey>} */
const CLOSED = { [UNAUTHORIZED]: "connection.unauthorized", 4409: "connection.replaced", 4410: "connection.ended" };

export class StatusLine {
  #state = part("state");
  #text = part("state-text");
  #bar = part("connection");
  #barText = part("connection-text");
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #countdown;
  /** The first connection is no news; the next ones are. */
  #wasReady = false;

  /** @param {() => void} retry */
  constructor(retry) {
    part("retry").addEventListener("click", retry);
  }

  /** @param {VoiceAgentClient} client */
  update(client) {
    const { status } = client.connection;
    if (status === "open") this.#showActivity(client);
    else this.#showAbsence(status);
  }

  /** @param {ConnectionStatus} status */
  tellConnection(status) {
    clearInterval(this.#countdown);
    if (status.status === "open") this.#wasReady = true;
    this.#bar.hidden = status.status === "open" || (status.status === "connecting" && !this.#wasReady);
    part("retry").hidden = status.status === "connecting";
    const isRefused = status.status === "closed" && status.code === UNAUTHORIZED;
    show(part("retry"), isRefused ? "token.again" : "retryNow");
    if (status.status === "connecting") show(this.#barText, "connection.trying");
    if (status.status === "closed") this.#tellClosed(status.code);
    if (status.status === "waiting") this.#count(Date.now() + status.delayMs);
  }

  /** @param {number} code */
  #tellClosed(code) {
    show(this.#barText, CLOSED[code] ?? "connection.closed", { code });
  }

  /** @param {VoiceAgentClient} client */
  #showActivity(client) {
    const tools = [...client.tools.values()];
    const isQuiet = client.state === "processing_tool" && tools.length === 0;
    const state = isQuiet ? "idle" : client.state === "processing_tool" ? "tool" : client.state;
    this.#state.dataset.state = state;
    if (state === "tool" && tools.length > 1) show(this.#text, "state.tools", { count: tools.length });
    else show(this.#text, known(/** @type {TextKey} */ (`state.${state}`), "state.idle"), { name: tools[0] ?? "" });
  }

  /** @param {"connecting" | "waiting" | "closed"} status */
  #showAbsence(status) {
    // Between two tries nothing changes for the reader: a state that flickers tells less.
    const state = status === "connecting" && !this.#wasReady ? "connecting" : "disconnected";
    this.#state.dataset.state = state;
    show(this.#text, `state.${state}`);
  }

  /** @param {number} retryAt */
  #count(retryAt) {
    this.#wasReady = true;
    const tell = () => {
      const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
      show(this.#barText, "connection.retry", { seconds });
    };
    tell();
    this.#countdown = setInterval(tell, 1000);
  }
}
