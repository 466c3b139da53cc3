// @ts-check
/** The buttons that change the page's language. */

import { locale, speak } from "./language.js";
import { offeredLanguages } from "./look.js";
import { store } from "./preferences.js";

/** @typedef {import("./language.js").Locale} Locale */

/** @param {(chosen: Locale, isAsked: boolean) => void} spoken Is told of each language, also of the first. */
export function offerLanguages(spoken) {
  const buttons = document.querySelectorAll("[data-locale]");
  /** @param {Locale} chosen */
  const choose = (chosen) => {
    speak(chosen);
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-locale") === chosen));
    }
  };
  const offered = offeredLanguages();
  for (const button of buttons) {
    const chosen = /** @type {Locale} */ (button.getAttribute("data-locale"));
    if (button.parentElement) button.parentElement.hidden = offered.length < 2;
    button.addEventListener("click", () => {
      store("locale", chosen);
      choose(chosen);
      spoken(chosen, true);
    });
  }
  choose(locale());
  spoken(locale(), false);
}
