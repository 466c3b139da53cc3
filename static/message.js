// @ts-check
/** A text of the user or an answer of the agent. Light DOM; nothing that others wrote becomes markup. */

import { CopyButton } from "./copy-button.js";
import { make } from "./dom.js";
import { known, show } from "./language.js";
import { withLinks } from "./links.js";
import { Markdown } from "./markdown.js";
import { timeOf } from "./moments.js";
import { markUnheard, WHERE_IT_ENDED } from "./unheard.js";

/** @typedef {import("./talk-view.js").TextStatus} TextStatus */
/** @typedef {import("./talk-view.js").Ending} Ending */
/** @typedef {import("./voice-agent-client.js").EmotionLabel} EmotionLabel */

/** A text of the user stands as it was typed; an answer is markdown, and grows until `complete()`. */
export class ChatMessage extends HTMLElement {
  #text = "";
  #body = make("div", "message-body");
  #author = make("span", "message-author");
  #note = make("span", "message-note");
  #mood = make("span", "message-mood");
  /** @type {Markdown | null} */
  #markdown = null;

  /**
   * @param {"user" | "agent"} author
   * @param {import("./texts.js").TextKey} label Who says it.
   * @param {string} language The text's language; empty if it is not known.
   * @param {number | null} at When it was said, in milliseconds since 1970; null if nobody knows.
   */
  begin(author, label, language, at) {
    this.dataset.author = author;
    if (author === "user") this.#body.dir = "auto";
    if (language) this.#body.lang = language;
    show(this.#author, label);
    const head = make("p", "message-head", this.#author, ...(at === null ? [] : [timeOf(new Date(at))]));
    this.append(head, this.#body);
    // What became of a text is said beside its time; what became of an answer, where it ends.
    if (author === "user") head.append(this.#note);
    else {
      this.#markdown = new Markdown(this.#body);
      this.append(make("div", "message-foot", this.#note));
    }
    return this;
  }

  /** What the message says so far, as it was written. */
  get text() {
    return this.#text;
  }

  /** What it says to those who hear it. */
  get spoken() {
    return this.#markdown ? this.#body.innerText.trim() : this.#text;
  }

  /** Shows how long it took. @param {HTMLElement} times */
  attach(times) {
    this.querySelector(".message-foot")?.append(times);
  }

  /** @param {string} content */
  add(content) {
    this.setAttribute("aria-busy", "true");
    this.#text += content;
    if (this.#markdown) this.#markdown.add(content);
    else this.#body.append(content);
  }

  /** Says something else, whole. @param {string} content */
  reword(content) {
    this.#text = content;
    this.#body.replaceChildren(withLinks(content));
  }

  /** How the user seems to feel; said discreetly, and not where there is nothing to say. @param {EmotionLabel} mood */
  feel(mood) {
    this.#mood.remove();
    const key = mood === "neutral" ? null : known(`mood.${mood}`, null);
    if (key === null) return;
    show(this.#mood, key);
    this.#note.before(this.#mood);
  }

  /**
   * @param {Ending} ending
   * @param {string | null} [heard] What of an answer was heard, where that is known.
   */
  complete(ending, heard = null) {
    this.setAttribute("aria-busy", "false");
    if (this.#markdown) this.#finish(this.#markdown, heard);
    else this.#body.replaceChildren(withLinks(this.#text));
    if (ending === "whole") return;
    this.dataset.ending = ending;
    show(this.#note, `answer.${ending}`);
  }

  /**
   * @param {Markdown} markdown
   * @param {string | null} heard
   */
  #finish(markdown, heard) {
    markdown.end();
    const isCut = heard !== null && heard.length < this.#text.trimEnd().length && this.#text.startsWith(heard);
    if (isCut) this.#parted(heard.length);
    const copy = new CopyButton("copy.answer", () => this.#text);
    this.querySelector(".message-foot")?.append(copy.element);
  }

  /** What was heard stands apart from what was not. @param {number} length Of what was heard. */
  #parted(length) {
    const clean = (/** @type {string} */ text) => text.replaceAll(WHERE_IT_ENDED, "");
    const marked = clean(this.#text.slice(0, length)) + WHERE_IT_ENDED + clean(this.#text.slice(length));
    this.#body.replaceChildren();
    const anew = new Markdown(this.#body);
    anew.add(marked);
    anew.end();
    markUnheard(this.#body);
  }

  /**
   * Says what became of a text.
   *
   * @param {TextStatus} status
   * @param {() => void} again Sends it once more.
   */
  mark(status, again) {
    this.dataset.status = status;
    show(this.#note, `text.${status}`);
    this.querySelector(".again")?.remove();
    if (status !== "failed" && status !== "lost") return;
    const button = make("button", "text-button again");
    button.setAttribute("type", "button");
    show(button, "text.again");
    button.addEventListener("click", () => {
      button.remove();
      again();
    });
    this.#note.after(button);
  }
}

export function newMessage() {
  return /** @type {ChatMessage} */ (document.createElement("chat-message"));
}

/** Only a part of what stands above is here. */
export function cutNotice() {
  const notice = make("p", "notice");
  show(notice, "answer.tooLong");
  return notice;
}

customElements.define("chat-message", ChatMessage);
