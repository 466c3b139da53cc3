// @ts-check
/** The box that one writes in. */

import { part } from "./dom.js";
import { draftOf, keepDraft } from "./preferences.js";

export class Composer {
  #form = /** @type {HTMLFormElement} */ (part("composer"));
  /** The talk that the words are for. */
  #talk = "";
  #box = /** @type {HTMLTextAreaElement} */ (this.#form.elements.namedItem("message"));

  /** @param {(content: string) => void} send Gets each text, without white space around it. */
  constructor(send) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const content = this.#box.value.trim();
      if (!content) return;
      this.#write("");
      send(content);
    });
    this.#box.addEventListener("keydown", (event) => this.#pressed(event));
    this.#box.addEventListener("input", () => {
      this.#grow();
      keepDraft(this.#talk, this.#box.value);
    });
  }

  /** What was being written in a talk comes back with it. @param {string} sessionId */
  belongTo(sessionId) {
    if (sessionId === this.#talk) return;
    const words = this.#box.value || draftOf(sessionId);
    keepDraft(this.#talk, "");
    this.#talk = sessionId;
    this.#write(words);
  }

  /** Another talk is opened: what is being written stays with this one. */
  leave() {
    this.#box.value = "";
    this.#talk = "";
    this.#grow();
  }

  /** @param {string} text */
  #write(text) {
    this.#box.value = text;
    keepDraft(this.#talk, text);
    this.#grow();
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
