// @ts-check
/** The state at a glance, and what the page does about a lost connection. */

import { show } from "./language.js";
import { part } from "./dom.js";

/** @typedef {import("./connection.js").ConnectionStatus} ConnectionStatus */
/** @typedef {import("./talk.js").Talk["activity"]} Activity */

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

  /**
   * @param {ConnectionStatus} status
   * @param {Activity} activity
   */
  update(status, activity) {
    if (status.status === "ready") this.#showActivity(activity);
    else this.#showAbsence(status.status);
  }

  /** @param {ConnectionStatus} status */
  tellConnection(status) {
    clearInterval(this.#countdown);
    if (status.status === "ready") this.#wasReady = true;
    this.#bar.hidden = status.status === "ready" || (status.status === "connecting" && !this.#wasReady);
    part("retry").hidden = status.status === "connecting";
    if (status.status === "connecting") show(this.#barText, "connection.trying");
    if (status.status === "closed") show(this.#barText, "connection.closed", { code: status.code });
    if (status.status === "waiting") this.#count(status.retryAt);
  }

  /** @param {Activity} activity */
  #showActivity({ state, tools }) {
    this.#state.dataset.state = state;
    if (state !== "tool") show(this.#text, `state.${state}`);
    else if (tools.length === 1) show(this.#text, "state.tool", { name: tools[0] });
    else show(this.#text, "state.tools", { count: tools.length });
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
