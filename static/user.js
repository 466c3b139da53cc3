// @ts-check
/** Who speaks: a name that the browser remembers, or the one that a token stands for. */

import { part } from "./dom.js";
import { store, stored } from "./preferences.js";

export class UserChoice {
  #form = /** @type {HTMLFormElement} */ (part("user-form"));
  #field = /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("user"));
  #shown = part("user-name");
  #id = stored("user") ?? `web-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;

  /** @param {() => void} chosen Is told of each other name. */
  constructor(chosen) {
    store("user", this.#id);
    this.show(this.#id, false);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const userId = this.#field.value.trim();
      if (!userId || userId === this.#id) return;
      this.#id = userId;
      store("user", userId);
      chosen();
    });
  }

  /** The name that was chosen last. */
  get id() {
    return this.#id;
  }

  /**
   * @param {string} userId Who it is for the server; empty: nobody knows.
   * @param {boolean} isByToken Whether a token says so.
   */
  show(userId, isByToken) {
    if (userId) this.#id = userId;
    this.#field.value = this.#id;
    this.#shown.textContent = userId;
    part("token-used").hidden = !isByToken;
  }

  edit() {
    this.#field.select();
  }
}
