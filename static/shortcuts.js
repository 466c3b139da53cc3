// @ts-check
/** Keys that do something from anywhere on the page, and the list of them. */

import { part } from "./dom.js";

const WRITES = "input, textarea, select, [contenteditable]";

/** @param {Record<string, () => void>} acts By the key's code, with Alt held. */
export function offerShortcuts(acts) {
  const dialog = /** @type {HTMLDialogElement} */ (part("shortcuts"));
  part("shortcuts-open").addEventListener("click", () => dialog.showModal());
  part("shortcuts-close").addEventListener("click", () => dialog.close());
  document.addEventListener("keydown", (event) => {
    const { target, key, code, altKey, ctrlKey, metaKey, isComposing } = event;
    if (isComposing || ctrlKey || metaKey || document.querySelector("dialog[open]")) return;
    const act = altKey ? acts[code] : undefined;
    const writes = target instanceof Element && target.closest(WRITES);
    if (act) {
      event.preventDefault();
      act();
    } else if (key === "?" && !altKey && !writes) {
      event.preventDefault();
      dialog.showModal();
    }
  });
}
