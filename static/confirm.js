// @ts-check
/** Asks before something that cannot be undone. */

import { part } from "./dom.js";
import { show } from "./language.js";

/** @typedef {import("./texts.js").TextKey} TextKey */

/**
 * @param {{title: TextKey, text: TextKey, yes: TextKey, values?: import("./language.js").Values}} question
 * @returns {Promise<boolean>} Whether the answer is yes; Escape is no.
 */
export function confirmed({ title, text, yes, values = {} }) {
  const dialog = /** @type {HTMLDialogElement} */ (part("confirm"));
  show(part("confirm-title"), title);
  show(part("confirm-text"), text, values);
  show(part("confirm-yes"), yes);
  return new Promise((answer) => {
    const asking = new AbortController();
    const whileAsking = { signal: asking.signal };
    part("confirm-yes").addEventListener("click", () => dialog.close("yes"), whileAsking);
    part("confirm-no").addEventListener("click", () => dialog.close("no"), whileAsking);
    dialog.addEventListener(
      "close",
      () => {
        asking.abort();
        answer(dialog.returnValue === "yes");
      },
      whileAsking,
    );
    dialog.returnValue = "no";
    dialog.showModal();
    part("confirm-no").focus();
  });
}
