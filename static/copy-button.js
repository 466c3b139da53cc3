// @ts-check
/** A button that copies a text, and says so. */

import { announce } from "./announcer.js";
import { icon, make } from "./dom.js";
import { name, phrase } from "./language.js";

const COPIED_MS = 2000;

export class CopyButton {
  element = /** @type {HTMLButtonElement} */ (make("button", "icon-button small copy", icon("icon-copy")));
  #label;
  #text;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {import("./texts.js").TextKey} label
   * @param {() => string} text What is copied.
   */
  constructor(label, text) {
    this.#label = label;
    this.#text = text;
    this.element.type = "button";
    name(this.element, label);
    this.element.addEventListener("click", () => void this.#copy());
  }

  async #copy() {
    const isCopied = await copied(this.#text());
    const said = isCopied ? "copied" : "copy.failed";
    announce(phrase(said));
    name(this.element, said);
    this.element.toggleAttribute("data-copied", isCopied);
    this.element.replaceChildren(icon(isCopied ? "icon-done" : "icon-failed"));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.element.removeAttribute("data-copied");
      this.element.replaceChildren(icon("icon-copy"));
      name(this.element, this.#label);
    }, COPIED_MS);
  }
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} Whether it is in the clipboard.
 */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

/** Pages without TLS have no clipboard of the newer kind. @param {string} text */
function copiedByHand(text) {
  const box = document.createElement("textarea");
  const focused = document.activeElement;
  box.className = "visually-hidden";
  box.value = text;
  document.body.append(box);
  box.select();
  const isCopied = document.execCommand("copy");
  box.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
