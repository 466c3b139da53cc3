// @ts-check
/** Asks for the server's token where it wants one, and keeps it once it has proved good. */

import { useToken } from "./api.js";
import { part } from "./dom.js";
import { show } from "./language.js";
import { storedToken, storeToken } from "./preferences.js";
import { UNAUTHORIZED } from "./voice-agent-client.js";

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {import("./voice-agent-client.js").ConnectionStatus} ConnectionStatus */

export class TokenDialog {
  #client;
  #dialog = /** @type {HTMLDialogElement} */ (part("token"));
  #form = /** @type {HTMLFormElement} */ (part("token-form"));
  #field = /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("token"));
  #isForDevice = /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("remember"));
  #enter = /** @type {HTMLButtonElement} */ (part("token-enter"));
  #status = part("token-status");
  /** What is being tried; empty where nothing is. */
  #tried = "";
  #hasToken = false;

  /** @param {VoiceAgentClient} client */
  constructor(client) {
    this.#client = client;
    client.addEventListener("connection", ({ detail }) => this.#follow(detail));
    client.addEventListener("open", () => this.#proved());
    part("token-cancel").addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(this.#field.value.trim());
    });
  }

  /** Whether the talk goes on with a token. */
  get hasToken() {
    return this.#hasToken;
  }

  open() {
    if (this.#dialog.open) return;
    this.#form.reset();
    this.#tell(null);
    this.#dialog.showModal();
    this.#field.focus();
  }

  /** Forgets the token, here and on the device. */
  forget() {
    storeToken("", false);
    useToken("");
    this.#hasToken = false;
  }

  /** @param {string} token */
  #try(token) {
    if (!token || this.#tried) return;
    this.#tried = token;
    this.#enter.disabled = true;
    this.#tell("token.checking");
    // A try that was planned with the old token would come first.
    this.#client.close();
    this.#client.connect({ token });
  }

  /** @param {ConnectionStatus} connection */
  #follow(connection) {
    const { status } = connection;
    if (status === "closed" && connection.code === UNAUTHORIZED) {
      const wasTried = this.#tried !== "" || storedToken() !== "";
      this.#stopTrying();
      this.forget();
      this.open();
      if (wasTried) this.#tell("token.wrong");
      this.#field.select();
    } else if (status === "waiting" && this.#tried) {
      this.#stopTrying();
      this.#tell("token.unreachable");
    }
  }

  #proved() {
    if (this.#tried) storeToken(this.#tried, this.#isForDevice.checked);
    this.#stopTrying();
    this.#hasToken = storedToken() !== "" || this.#hasToken;
    useToken(storedToken());
    if (this.#dialog.open) this.#dialog.close();
  }

  #stopTrying() {
    this.#tried = "";
    this.#enter.disabled = false;
  }

  /** @param {import("./texts.js").TextKey | null} sentence */
  #tell(sentence) {
    this.#status.hidden = sentence === null;
    this.#status.dataset.kind = sentence === "token.checking" ? "note" : "error";
    this.#field.setAttribute("aria-invalid", String(sentence === "token.wrong"));
    if (sentence) show(this.#status, sentence);
  }
}
