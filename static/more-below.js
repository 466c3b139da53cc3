// @ts-check
/** Says that something that scrolls goes on below. */

import { make } from "./dom.js";
import { show } from "./language.js";

/** Pixels that nobody would scroll for. */
const NEAR = 4;

/**
 * @param {HTMLElement} scroller
 * @returns {HTMLElement} The sign, to be put after it.
 */
export function moreBelow(scroller) {
  const sign = make("p", "more-below");
  show(sign, "more.below");
  const look = () => {
    sign.hidden = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  };
  scroller.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(scroller);
  look();
  return sign;
}
