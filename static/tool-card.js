// @ts-check
/** One run of a tool: a line that opens to show with what, what came of it, and when. Light DOM, text only. */

import { icon, make } from "./dom.js";
import { known, locale, name, phrase, show } from "./language.js";
import { clockTime, tenths } from "./moments.js";
import { moreBelow } from "./more-below.js";
import { seen } from "./seen.js";

/** @typedef {import("./talk-view.js").ToolEnding} ToolEnding */
/** @typedef {import("./talk-view.js").ToolDetails} ToolDetails */

/** @type {Partial<Record<ToolEnding, string>>} */
const SYMBOLS = { done: "icon-done", failed: "icon-failed", timed_out: "icon-failed", unknown: "icon-failed" };

/** It counts the seconds until its ending. */
export class ToolCard extends HTMLElement {
  #elapsedS = 0;
  #seenAt = performance.now();
  #toolName = "";
  /** @type {import("./texts.js").TextKey} */
  #ending = "tool.running";
  #status = make("span", "tool-status");
  #time = make("span", "tool-time");
  #detail = make("p", "tool-detail");
  #icon = make("span", "tool-icon");
  #bar = document.createElement("progress");
  #cancel = make("button", "text-button tool-cancel");
  #facts = make("dl", "tool-facts");
  #head = make("summary", "tool-head");
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
    const words = make("span", "tool-words", make("code", "tool-name", toolName), this.#status);
    this.#head.append(this.#icon, words, this.#time);
    this.#bar.hidden = true;
    name(this.#bar, "tool.progress", { name: toolName });
    this.#cancel.setAttribute("type", "button");
    show(this.#cancel, "tool.cancel");
    name(this.#cancel, "tool.cancelLabel", { name: toolName });
    this.#cancel.addEventListener("click", cancel);
    this.#icon.append(make("span", "spinner"));
    const details = make("details", "tool-details", this.#head, this.#facts);
    const foot = make("div", "tool-foot", make("div", "tool-text", this.#detail, this.#bar), this.#cancel);
    this.append(details, foot);
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
    // A tool that has just begun has done nothing yet: an empty bar would stand still until the next report.
    this.#bar.hidden = !fraction;
    this.#bar.value = fraction ?? 0;
    this.#tick();
  }

  /** What can be looked at when the card is opened. @param {ToolDetails} details */
  explain({ values, result, error, isPart, isApproved, startedAt }) {
    if (startedAt) this.#fact("tool.startedAt", clockTime(new Date(startedAt)));
    if (isApproved) {
      const by = make("span", "");
      show(by, "tool.approvedByYou");
      this.#fact("tool.permission", by);
    }
    if (values !== undefined) this.#value("tool.arguments", values);
    if (result !== undefined) this.#value("tool.result", result);
    if (error) this.#fact("tool.error", seen(error));
    if (!isPart) return;
    const note = make("span", "note");
    show(note, "tool.part");
    this.#facts.append(make("dd", "", note));
  }

  /**
   * @param {ToolEnding} ending
   * @param {number | null} elapsedS
   */
  end(ending, elapsedS) {
    clearInterval(this.#timer);
    this.dataset.status = ending;
    this.#ending = known(`tool.${ending}`, "tool.unknown");
    show(this.#status, this.#ending);
    if (elapsedS !== null) this.#time.textContent = `${tenths(elapsedS)} s`;
    this.querySelector(".tool-foot")?.remove();
    this.#icon.replaceChildren(icon(SYMBOLS[ending] ?? "icon-stopped"));
    if (!this.#facts.hasChildNodes()) {
      const nothing = make("dd", "note");
      show(nothing, "tool.nothing");
      this.#facts.append(nothing);
    }
  }

  /** The ending as a sentence, for those who hear the page. */
  get spoken() {
    return phrase("tool.ended", { name: this.#toolName, ending: phrase(this.#ending) });
  }

  /**
   * @param {import("./texts.js").TextKey} key
   * @param {unknown} value JSON.
   */
  #value(key, value) {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    const block = make("pre", "tool-value", make("code", "", seen(text)));
    block.tabIndex = 0;
    block.setAttribute("role", "group");
    name(block, key);
    this.#fact(key, make("div", "more-frame", block, moreBelow(block)));
  }

  /**
   * @param {import("./texts.js").TextKey} key
   * @param {Node | string} content
   */
  #fact(key, content) {
    const term = make("dt", "");
    show(term, key);
    this.#facts.append(term, make("dd", "", content));
  }

  #tick() {
    const since = (performance.now() - this.#seenAt) / 1000;
    this.#time.textContent = `${Math.floor(this.#elapsedS + since).toLocaleString(locale())} s`;
  }
}

customElements.define("tool-card", ToolCard);
