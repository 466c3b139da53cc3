// @ts-check
/** How the server's operator wants the page to look: title, colours, logo, suggestions, languages. */

import { locate } from "./api.js";
import { part } from "./dom.js";
import { firstLocale, show, speak } from "./language.js";
import { stored } from "./preferences.js";

/** @typedef {import("./language.js").Locale} Locale */
/** @typedef {Record<"accent" | "accent_soft" | "bubble" | "bubble_hover" | "on_bubble", string>} Shades */
/**
 * @typedef {object} Look
 * @property {string} title
 * @property {string | null} agent_name
 * @property {{light: Shades, dark: Shades} | null} color
 * @property {string | null} logo
 * @property {Record<Locale, string[]>} suggestions
 * @property {Locale[]} languages
 */

/** Longer than this the page waits for no look; it goes on with its own. */
const PATIENCE_MS = 3000;

/** @type {Look | null} */
let look = null;

/** Asks for it, dresses the page and finds its language; where there is no answer, the look is the page's own. */
export async function dress() {
  speak(firstLocale(stored("locale"), navigator.languages));
  look = await fetch(locate("/agent/page"), { signal: AbortSignal.timeout(PATIENCE_MS) })
    .then((answer) => (answer.ok ? answer.json() : null))
    .catch(() => null);
  if (!look) return;
  document.title = look.title;
  part("title").textContent = look.title;
  if (look.agent_name) {
    show(part("agent-name"), "welcome.name", { name: look.agent_name });
    part("agent-name").hidden = false;
  }
  if (look.color) paint(look.color);
  if (look.logo) showLogo(locate(look.logo));
  speak(firstLocale(stored("locale"), navigator.languages, look.languages));
}

/** @returns {Locale[]} Those that may be chosen. */
export function offeredLanguages() {
  return look?.languages ?? ["es", "en"];
}

/**
 * @param {Locale} locale
 * @returns {string[]} Empty: the page's own.
 */
export function ownSuggestions(locale) {
  return look?.suggestions[locale] ?? [];
}

/** @param {{light: Shades, dark: Shades}} color */
function paint({ light, dark }) {
  const { style } = document.documentElement;
  for (const name of /** @type {(keyof Shades)[]} */ (Object.keys(light))) {
    style.setProperty(`--${name.replace("_", "-")}`, `light-dark(${light[name]}, ${dark[name]})`);
  }
}

/** @param {string} address */
function showLogo(address) {
  for (const image of document.querySelectorAll("img[data-part^=logo]")) image.setAttribute("src", address);
  const icon = document.querySelector("link[rel=icon]");
  icon?.removeAttribute("type");
  icon?.setAttribute("href", address);
}
