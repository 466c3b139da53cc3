// @ts-check
/** The two things of a talk that live on their own: a message and a tool's run. Light DOM, text only. */

import { icon, make } from "./dom.js";
import { locale, name, phrase, show } from "./language.js";
import { withLinks } from "./links.js";

/** @typedef {import("./talk-view.js").TextStatus} TextStatus */
/** @typedef {import("./talk-view.js").ToolEnding} ToolEnding */
/** @typedef {import("./talk-view.js").Ending} Ending */
/** @typedef {import("./voice-agent-client.js").EmotionLabel} EmotionLabel */

/** A text of the user or an answer of the agent; an answer grows until `complete()`. */
export class ChatMessage extends HTMLElement {
  #text = document.createTextNode("");
  #body = make("p", "message-body");
  #author = make("span", "message-author");
  #note = make("span", "message-note");
  #mood = make("span", "message-mood");

  /**
   * @param {"user" | "agent"} author
   * @param {import("./texts.js").TextKey} label Who says it.
   * @param {string} language The text's language; empty if it is not known.
   * @param {number | null} at When it was said, in milliseconds since 1970; null if nobody knows.
   */
  begin(author, label, language, at) {
    this.dataset.author = author;
    this.#body.append(this.#text);
    if (language) this.#body.lang = language;
    show(this.#author, label);
    const head = make("p", "message-head", this.#author, ...(at === null ? [] : [clockTime(new Date(at))]));
    this.append(head, this.#body);
    // What became of a text is said beside its time; what became of an answer, where it ends.
    if (author === "user") head.append(this.#note);
    else this.append(make("p", "message-foot", this.#note));
    return this;
  }

  /** What the message says so far. */
  get text() {
    return this.#text.data;
  }

  /** @param {string} content */
  add(content) {
    this.setAttribute("aria-busy", "true");
    this.#text.appendData(content);
  }

  /** Says something else, whole. @param {string} content */
  reword(content) {
    this.#text.data = content;
    this.#body.replaceChildren(withLinks(content));
  }

  /** How the user seems to feel; said discreetly, and not where there is nothing to say. @param {EmotionLabel} mood */
  feel(mood) {
    this.#mood.remove();
    if (mood === "neutral") return;
    show(this.#mood, `mood.${mood}`);
    this.#note.before(this.#mood);
  }

  /** @param {Ending} ending */
  complete(ending) {
    this.setAttribute("aria-busy", "false");
    this.#body.replaceChildren(withLinks(this.text));
    if (ending === "whole") return;
    this.dataset.ending = ending;
    show(this.#note, `answer.${ending}`);
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

/** One run of a tool: it counts the seconds until its ending. */
export class ToolCard extends HTMLElement {
  #elapsedS = 0;
  #seenAt = performance.now();
  #toolName = "";
  #status = make("span", "tool-status");
  #time = make("span", "tool-time");
  #detail = make("p", "tool-detail");
  #icon = make("span", "tool-icon");
  #bar = document.createElement("progress");
  #cancel = make("button", "text-button tool-cancel");
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {string} toolName
   * @param {() => void} cancel Asks the server to end the run.
   */
  begin(toolName, cancel) {
    this.#toolName = toolName;
    this.dataset.status = "running";
    this.setAttribute("role", "group");
    name(this, "tool.label", { name: toolName });
    show(this.#status, "tool.running");
    const head = make("p", "tool-head", make("code", "tool-name", toolName), this.#status, this.#time);
    this.#bar.hidden = true;
    name(this.#bar, "tool.progress", { name: toolName });
    this.#cancel.setAttribute("type", "button");
    show(this.#cancel, "tool.cancel");
    name(this.#cancel, "tool.cancelLabel", { name: toolName });
    this.#cancel.addEventListener("click", cancel);
    this.#icon.append(make("span", "spinner"));
    this.append(this.#icon, make("div", "tool-text", head, this.#detail, this.#bar), this.#cancel);
    this.#tick();
    return this;
  }

  connectedCallback() {
    if (this.dataset.status === "running") this.#timer = setInterval(() => this.#tick(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  /**
   * @param {number} elapsedS
   * @param {string} message Empty where the tool said nothing.
   * @param {number | null} fraction From 0 to 1, where the tool knows it.
   */
  move(elapsedS, message, fraction) {
    this.#elapsedS = elapsedS;
    this.#seenAt = performance.now();
    if (message) this.#detail.textContent = message;
    this.#bar.hidden = fraction === null;
    this.#bar.value = fraction ?? 0;
    this.#tick();
  }

  /**
   * @param {ToolEnding} ending
   * @param {number | null} elapsedS
   */
  end(ending, elapsedS) {
    clearInterval(this.#timer);
    this.dataset.status = ending;
    show(this.#status, `tool.${ending}`);
    if (elapsedS !== null) this.#time.textContent = seconds(elapsedS, 1);
    this.#bar.remove();
    this.#cancel.remove();
    const symbols = { done: "icon-done", failed: "icon-failed", timed_out: "icon-failed", unknown: "icon-failed" };
    this.#icon.replaceChildren(icon(symbols[/** @type {keyof symbols} */ (ending)] ?? "icon-stopped"));
  }

  /** The ending as a sentence, for those who hear the page. */
  get spoken() {
    const ending = phrase(/** @type {import("./texts.js").TextKey} */ (`tool.${this.dataset.status}`));
    return phrase("tool.ended", { name: this.#toolName, ending });
  }

  #tick() {
    const since = (performance.now() - this.#seenAt) / 1000;
    this.#time.textContent = seconds(this.#elapsedS + since, 0);
  }
}

/** @param {Date} moment */
function clockTime(moment) {
  const text = moment.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });
  const time = make("time", "message-time", text);
  time.setAttribute("datetime", moment.toISOString());
  return time;
}

/**
 * @param {number} value
 * @param {number} digits
 */
function seconds(value, digits) {
  const rounded = digits === 0 ? Math.floor(value) : value;
  return `${rounded.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })} s`;
}

customElements.define("chat-message", ChatMessage);
customElements.define("tool-card", ToolCard);
