// @ts-check
/** The two things of a talk that live on their own: a message and a tool's run. Light DOM, text only. */

import { icon, make } from "./dom.js";
import { locale, name, phrase, show } from "./language.js";
import { withLinks } from "./links.js";

/** @typedef {import("./talk.js").TextStatus} TextStatus */
/** @typedef {import("./protocol-v1.js").ToolEnding} ToolEnding */

/** A text of the user or an answer of the agent; an answer grows until `complete()`. */
export class ChatMessage extends HTMLElement {
  #text = document.createTextNode("");
  #body = make("p", "message-body");
  #author = make("span", "message-author");
  #note = make("span", "message-note");

  /**
   * @param {"user" | "agent"} author
   * @param {import("./texts.js").TextKey} label Who says it.
   * @param {string} language The text's language; empty if it is not known.
   */
  begin(author, label, language) {
    this.dataset.author = author;
    this.#body.append(this.#text);
    if (language) this.#body.lang = language;
    show(this.#author, label);
    const now = new Date();
    const time = make("time", "message-time", now.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" }));
    time.setAttribute("datetime", now.toISOString());
    const head = make("p", "message-head", this.#author, time);
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

  /** @param {boolean} isWhole False: it broke off. */
  complete(isWhole) {
    this.setAttribute("aria-busy", "false");
    this.#body.replaceChildren(withLinks(this.text));
    if (!isWhole) show(this.#note, "answer.cut");
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
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {string} toolName */
  begin(toolName) {
    this.#toolName = toolName;
    this.dataset.status = "running";
    this.setAttribute("role", "group");
    name(this, "tool.label", { name: toolName });
    show(this.#status, "tool.running");
    const head = make("p", "tool-head", make("code", "tool-name", toolName), this.#status, this.#time);
    this.#icon.append(make("span", "spinner"));
    this.append(this.#icon, make("div", "tool-text", head, this.#detail));
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
   */
  move(elapsedS, message) {
    this.#elapsedS = elapsedS;
    this.#seenAt = performance.now();
    if (message) this.#detail.textContent = message;
    this.#tick();
  }

  /**
   * @param {ToolEnding | "lost"} ending
   * @param {number | null} elapsedS
   * @param {string} sentence Why, where it is not done.
   */
  end(ending, elapsedS, sentence) {
    clearInterval(this.#timer);
    this.dataset.status = ending;
    show(this.#status, `tool.${ending}`);
    if (elapsedS !== null) this.#time.textContent = seconds(elapsedS, 1);
    this.#detail.textContent = sentence;
    const symbols = { done: "icon-done", failed: "icon-failed", timed_out: "icon-failed" };
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
