// @ts-check
/** What is read aloud to those who do not see the page. */

import { make, part } from "./dom.js";

/** How many spoken lines stay: a screen reader may still be reading the one before. */
const SPOKEN_LINES = 4;

/** @param {string} text */
export function announce(text) {
  const announcer = part("announcer");
  announcer.append(make("p", "spoken", text));
  while (announcer.childElementCount > SPOKEN_LINES) announcer.firstElementChild?.remove();
}
