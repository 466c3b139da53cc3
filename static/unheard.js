// @ts-check
/** An answer that was stopped while it was spoken: what nobody has heard is struck out. */

import { make } from "./dom.js";
import { show } from "./language.js";

/** A letter of no script, which stands in the text where the voice fell silent. */
export const WHERE_IT_ENDED = "\uf8c7";

/** @param {HTMLElement} body With that letter in it. */
export function markUnheard(body) {
  const texts = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */
  const unheard = [];
  let isHeard = true;
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (!(text instanceof Text)) continue;
    const place = isHeard ? text.data.indexOf(WHERE_IT_ENDED) : -1;
    if (place >= 0) {
      isHeard = false;
      const rest = text.splitText(place);
      rest.data = rest.data.slice(WHERE_IT_ENDED.length);
      texts.currentNode = rest;
      unheard.push(rest);
    } else if (!isHeard) unheard.push(text);
  }
  const words = unheard.filter(({ data }) => data.trim());
  words.forEach((text, order) => {
    const struck = make("s", "unheard");
    text.replaceWith(struck);
    struck.append(text);
    if (order > 0) return;
    const note = make("span", "visually-hidden");
    show(note, "answer.unheard");
    struck.before(note);
  });
}
