// @ts-check
/** One run of a tool. Light DOM, text only. */

import { icon, make } from "./dom.js";
import { locale, name, phrase, show } from "./language.js";

/** @typedef {import("./talk-view.js").ToolEnding} ToolEnding */

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

/**
 * @param {number} value
 * @param {number} digits
 */
function seconds(value, digits) {
  const rounded = digits === 0 ? Math.floor(value) : value;
  return `${rounded.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits })} s`;
}

customElements.define("tool-card", ToolCard);
