// @ts-check
/** The box that one writes in. */

import { part } from "./dom.js";

export class Composer {
  #form = /** @type {HTMLFormElement} */ (part("composer"));
  #box = /** @type {HTMLTextAreaElement} */ (this.#form.elements.namedItem("message"));

  /** @param {(content: string) => void} send Gets each text, without white space around it. */
  constructor(send) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const content = this.#box.value.trim();
      if (!content) return;
      this.#box.value = "";
      this.#grow();
      send(content);
    });
    this.#box.addEventListener("keydown", (event) => this.#pressed(event));
    this.#box.addEventListener("input", () => this.#grow());
  }

  focus() {
    this.#box.focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    // Enter also ends the composition of a character; that is no wish to send.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  /** As high as its text; the style sheet sets the limit. */
  #grow() {
    this.#box.style.blockSize = "auto";
    const border = this.#box.offsetHeight - this.#box.clientHeight;
    this.#box.style.blockSize = `${this.#box.scrollHeight + border}px`;
  }
}
