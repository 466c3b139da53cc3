// @ts-check
/**
 * The page's language: texts that follow it when it changes.
 *
 * An element says what it shows by a key (`data-text`, `data-label` for its accessible name, `data-hint` for
 * a placeholder), so that a switch can rewrite all of them, also those made long ago.
 */

import { texts } from "./texts.js";

/** @typedef {"es" | "en"} Locale */
/** @typedef {import("./texts.js").TextKey} TextKey */
/** @typedef {Record<string, string | number>} Values */

const SELECTOR = "[data-text], [data-label], [data-hint]";

/** @type {WeakMap<Element, Values>} */
const valuesOf = new WeakMap();

/** @type {Locale} */
let current = "es";

/** @returns {Locale} The language that the page shows now. */
export function locale() {
  return current;
}

/**
 * The language to begin with.
 *
 * @param {string | null} stored What an earlier visit chose.
 * @param {readonly string[]} preferred The browser's languages, best first.
 * @param {readonly Locale[]} offered
 * @returns {Locale} English for those who read neither: it is what they are likelier to understand.
 */
export function firstLocale(stored, preferred, offered = ["es", "en"]) {
  for (const tag of [stored ?? "", ...preferred]) {
    const language = offered.find((one) => one === tag.toLowerCase().split("-")[0]);
    if (language) return language;
  }
  return offered.includes("en") ? "en" : (offered[0] ?? "en");
}

/**
 * Fills a text's placeholders.
 *
 * @param {TextKey} key
 * @param {Values} [values]
 */
export function phrase(key, values = {}) {
  return texts[current][key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * The text for a word of the server's, which may be newer than the page.
 *
 * @template {TextKey | null} Else
 * @param {TextKey} key
 * @param {Else} otherwise What stands for a word that the page does not know.
 * @returns {TextKey | Else}
 */
export function known(key, otherwise) {
  return Object.hasOwn(texts[current], key) ? key : otherwise;
}

/**
 * Makes an element show a text, now and after each change of the language.
 *
 * @param {Element} element
 * @param {TextKey} key
 * @param {Values} [values]
 */
export function show(element, key, values = {}) {
  const same = element instanceof HTMLElement && element.dataset.text === key;
  valuesOf.set(element, values);
  element.setAttribute("data-text", key);
  const text = phrase(key, values);
  // A live region that is written again with the same words may be read aloud again.
  if (!same || element.textContent !== text) element.textContent = text;
}

/**
 * Gives an element an accessible name and a tooltip that follow the language.
 *
 * @param {Element} element
 * @param {TextKey} key
 * @param {Values} [values]
 */
export function name(element, key, values = {}) {
  valuesOf.set(element, values);
  element.setAttribute("data-label", key);
  const text = phrase(key, values);
  element.setAttribute("aria-label", text);
  if (element instanceof HTMLButtonElement) element.title = text;
}

/**
 * Changes the page's language.
 *
 * @param {Locale} chosen
 */
export function speak(chosen) {
  current = chosen;
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll(SELECTOR)) rewrite(element);
}

/** @param {Element} element */
function rewrite(element) {
  const values = valuesOf.get(element);
  const text = element.getAttribute("data-text");
  const label = element.getAttribute("data-label");
  const hint = element.getAttribute("data-hint");
  if (text) show(element, /** @type {TextKey} */ (text), values);
  if (label) name(element, /** @type {TextKey} */ (label), values);
  if (hint) element.setAttribute("placeholder", phrase(/** @type {TextKey} */ (hint)));
}
