// @ts-check
/** One talk in the list of talks. */

import { locate } from "./api.js";
import { icon, make } from "./dom.js";
import { name, phrase } from "./language.js";
import { momentOf } from "./moments.js";

/**
 * @typedef {object} TalkFacts
 * @property {string} session_id
 * @property {string} title
 * @property {string} created_at
 */

/** @typedef {(talk: TalkFacts) => void} Act */
/** @typedef {{open: Act, exported: Act, erase: Act, rename: (talk: TalkFacts, title: string) => void}} Acts */

const MAX_TITLE = 200;

export class TalkEntry {
  element = make("li", "talk-entry");
  #open = document.createElement("a");
  #title = make("span", "talk-title");
  #began = make("time", "talk-began");
  #export = document.createElement("a");
  #rename = act("icon-rename");
  #erase = act("icon-erase");
  #talk;
  #acts;

  /**
   * @param {TalkFacts} talk
   * @param {Acts} acts
   */
  constructor(talk, acts) {
    this.#talk = talk;
    this.#acts = acts;
    this.#open.className = "talk-open";
    this.#open.append(this.#title, this.#began);
    this.#open.dir = "auto";
    this.#open.addEventListener("click", (event) => {
      // With another key the browser opens the talk in a tab of its own.
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      acts.open(this.#talk);
    });
    this.#export.className = "icon-button small";
    this.#export.href = locate(exportAddress(talk.session_id));
    this.#export.download = "";
    this.#export.append(icon("icon-export"));
    this.#export.addEventListener("click", (event) => {
      // A link alone could neither send the token nor say what went wrong.
      event.preventDefault();
      acts.exported(this.#talk);
    });
    this.#rename.addEventListener("click", () => this.#edit());
    this.#erase.addEventListener("click", () => acts.erase(this.#talk));
    this.element.append(this.#open, make("div", "talk-acts", this.#rename, this.#export, this.#erase));
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
    this.#open.title = title;
    this.#open.href = `#/talk/${talk.session_id}`;
    this.#began.textContent = momentOf(new Date(talk.created_at));
    this.#began.setAttribute("datetime", talk.created_at);
    name(this.#export, "talks.export", { title });
    name(this.#rename, "talks.rename", { title });
    name(this.#erase, "talks.erase", { title });
    if (isCurrent) this.#open.setAttribute("aria-current", "true");
    else this.#open.removeAttribute("aria-current");
  }

  focus() {
    this.#open.focus();
  }

  /** The title becomes a field; Enter keeps what is in it, Escape does not. */
  #edit() {
    const field = document.createElement("input");
    field.className = "talk-rename";
    field.maxLength = MAX_TITLE;
    field.value = this.#talk.title;
    field.dir = "auto";
    name(field, "talks.newTitle");
    let isOver = false;
    /** @param {boolean} isKept */
    const leave = (isKept) => {
      // A field that is taken away loses the focus, and tells of it.
      if (isOver) return;
      isOver = true;
      const hadFocus = document.activeElement === field;
      field.replaceWith(this.#open);
      if (hadFocus) this.#rename.focus();
      const title = field.value.trim();
      if (isKept && title && title !== this.#talk.title) this.#acts.rename(this.#talk, title);
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      event.preventDefault();
      event.stopPropagation();
      leave(event.key === "Enter");
    });
    field.addEventListener("blur", () => leave(true));
    this.#open.replaceWith(field);
    field.select();
  }
}

/** @param {string} symbol */
function act(symbol) {
  const button = make("button", "icon-button small", icon(symbol));
  button.setAttribute("type", "button");
  return button;
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
