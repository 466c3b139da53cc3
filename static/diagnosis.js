// @ts-check
/** The diagnosis where the server asks for a token: takes it as the talk's page does, and shows what it opens. */

import { part } from "./dom.js";
import { storedToken, storeToken } from "./preferences.js";

const form = /** @type {HTMLFormElement} */ (part("token-form"));
const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("token"));
const enter = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const status = part("token-status");

/** @typedef {"trying" | "wrong" | "other" | "unreachable"} Sentence Of the form's, in the page's language. */

/** @type {Record<number, Sentence>} */
const SENTENCES = { 401: "wrong", 404: "other" };

/** @param {Sentence} sentence */
function tell(sentence) {
  status.textContent = form.dataset[sentence] ?? "";
  field.setAttribute("aria-invalid", String(sentence === "wrong" || sentence === "other"));
}

/**
 * Asks for this same page with the token, and puts what it shows in the place of the form.
 *
 * @param {string} token
 */
async function open(token) {
  tell("trying");
  enter.disabled = true;
  const headers = new Headers({ accept: "text/html", authorization: `Bearer ${token}` });
  const answer = await fetch(location.href, { headers, cache: "no-store" }).catch(() => null);
  const text = answer?.ok ? await answer.text().catch(() => null) : null;
  enter.disabled = false;
  if (answer && text !== null) return show(text, token);
  tell(SENTENCES[answer?.status ?? 0] ?? "unreachable");
  if (answer?.status === 401 && token === storedToken()) storeToken("", false);
  form.hidden = false;
  field.select();
}

/**
 * @param {string} text The page, as the server made it: all that is not its own is escaped.
 * @param {string} token
 */
function show(text, token) {
  const shown = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  if (!shown) return tell("unreachable");
  // Whoever talks in this tab goes on as who they are.
  if (!storedToken()) storeToken(token, false);
  shown.tabIndex = -1;
  document.querySelector("main")?.replaceWith(document.adoptNode(shown));
  shown.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const token = field.value.trim();
  if (token && !enter.disabled) void open(token);
});

part("address").textContent = location.origin + location.pathname;
form.hidden = false;
if (storedToken()) void open(storedToken());
else field.focus();
