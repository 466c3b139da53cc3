// @ts-check
/** What went wrong last, above the box that one writes in. */

import { make, part } from "./dom.js";
import { show } from "./language.js";

/**
 * What the page says itself: of faults on its own side, and before the server knows its language.
 *
 * @type {Record<string, import("./texts.js").TextKey>}
 */
const OWN_SENTENCES = {
  refused_on_wire: "error.refused",
  ending_lost: "error.lost",
  turn_failed: "error.failed",
  resume_refused: "error.notContinued",
};

/** @param {{code: string, content: string}} error */
export function errorSentence({ code, content }) {
  const sentence = make("p", "inline-error", content);
  const own = OWN_SENTENCES[code];
  if (own) show(sentence, own);
  return sentence;
}

export class Alert {
  #box = part("alert");
  #text = part("alert-text");

  constructor() {
    part("alert-close").addEventListener("click", () => this.clear());
  }

  /** @param {string} text */
  tell(text) {
    this.#text.textContent = text;
    this.#box.hidden = false;
  }

  clear() {
    this.#box.hidden = true;
    this.#text.textContent = "";
  }
}
