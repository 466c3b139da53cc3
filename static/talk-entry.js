// @ts-check
/** One talk in the list of talks. */

import { locate } from "./api.js";
import { icon, make } from "./dom.js";
import { locale, name, phrase } from "./language.js";

/**
 * @typedef {object} TalkFacts
 * @property {string} session_id
 * @property {string} title
 * @property {string} created_at
 */

/** @typedef {(talk: TalkFacts) => void} Act */

export class TalkEntry {
  element = make("li", "talk-entry");
  #open = make("button", "talk-open");
  #title = make("span", "talk-title");
  #began = make("time", "talk-began");
  #export = document.createElement("a");
  #erase = make("button", "icon-button small");
  #talk;

  /**
   * @param {TalkFacts} talk
   * @param {{open: Act, exported: Act, erase: Act}} acts
   */
  constructor(talk, acts) {
    this.#talk = talk;
    const open = /** @type {HTMLButtonElement} */ (this.#open);
    open.type = "button";
    open.append(this.#title, this.#began);
    open.addEventListener("click", () => acts.open(this.#talk));
    this.#export.className = "icon-button small";
    this.#export.href = locate(exportAddress(talk.session_id));
    this.#export.download = "";
    this.#export.append(icon("icon-export"));
    this.#export.addEventListener("click", (event) => {
      // A link alone could neither send the token nor say what went wrong.
      event.preventDefault();
      acts.exported(this.#talk);
    });
    this.#erase.setAttribute("type", "button");
    this.#erase.append(icon("icon-erase"));
    this.#erase.addEventListener("click", () => acts.erase(this.#talk));
    this.element.append(this.#open, make("div", "talk-acts", this.#export, this.#erase));
    this.show(talk, false);
  }

  /**
   * @param {TalkFacts} talk
   * @param {boolean} isCurrent Whether it is the one on the page.
   */
  show(talk, isCurrent) {
    this.#talk = talk;
    const title = titleOf(talk);
    this.#title.textContent = title;
    this.#began.textContent = shortDate(new Date(talk.created_at));
    this.#began.setAttribute("datetime", talk.created_at);
    name(this.#export, "talks.export", { title });
    name(this.#erase, "talks.erase", { title });
    if (isCurrent) this.#open.setAttribute("aria-current", "true");
    else this.#open.removeAttribute("aria-current");
  }

  focus() {
    this.#open.focus();
  }
}

/** @param {TalkFacts} talk */
export function titleOf({ title }) {
  return title || phrase("talks.untitled");
}

/** @param {string} sessionId */
export function exportAddress(sessionId) {
  // As the browser knows it; its reader's own times.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const query = new URLSearchParams({ format: "markdown", time_zone: timeZone ?? "UTC" });
  return `/sessions/${encodeURIComponent(sessionId)}/export?${query}`;
}

/** The time of a talk of today, the day of an earlier one. @param {Date} moment */
function shortDate(moment) {
  const today = new Date();
  if (moment.toDateString() === today.toDateString()) {
    return moment.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });
  }
  const isThisYear = moment.getFullYear() === today.getFullYear();
  return moment.toLocaleDateString(locale(), {
    day: "numeric",
    month: "short",
    ...(!isThisYear && { year: "numeric" }),
  });
}
