// @ts-check
/** A tool that waits for the user's word: what it is, with what, and two buttons. Light DOM, text only. */

import { make } from "./dom.js";
import { name, show } from "./language.js";
import { moreBelow } from "./more-below.js";
import { seen } from "./seen.js";

export class ApprovalCard extends HTMLElement {
  #left = make("span", "approval-left");
  #endsAt = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {string} toolName
   * @param {unknown} values Its arguments.
   * @param {number} seconds After which no answer means no.
   * @param {(isApproved: boolean) => void} answer
   */
  begin(toolName, values, seconds, answer) {
    this.#endsAt = performance.now() + seconds * 1000;
    this.setAttribute("role", "group");
    name(this, "approval.label", { name: toolName });
    const question = make("p", "approval-question");
    show(question, "approval.question");
    const head = make("p", "approval-head", make("code", "tool-name", seen(toolName)), this.#left);
    const yes = button("filled-button", "approval.yes");
    const no = button("text-button", "approval.no");
    for (const [each, isApproved] of /** @type {const} */ ([[yes, true], [no, false]])) {
      each.addEventListener("click", () => {
        yes.disabled = no.disabled = true;
        answer(isApproved);
      });
    }
    const frame = argumentFrame(values);
    this.append(question, head, make("div", "more-frame", frame, moreBelow(frame)), make("div", "approval-acts", no, yes));
    this.#tick();
    return this;
  }

  /** The very same was tried before, and nobody knows whether it took effect. */
  warn() {
    const warning = make("p", "approval-warning");
    show(warning, "approval.earlier");
    this.prepend(warning);
  }

  connectedCallback() {
    this.#timer = setInterval(() => this.#tick(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  #tick() {
    const seconds = Math.max(0, Math.ceil((this.#endsAt - performance.now()) / 1000));
    show(this.#left, "approval.left", { seconds });
  }
}

/**
 * @param {string} className
 * @param {import("./texts.js").TextKey} key
 */
function button(className, key) {
  const element = /** @type {HTMLButtonElement} */ (make("button", className));
  element.type = "button";
  show(element, key);
  return element;
}

/** @param {unknown} values */
function argumentFrame(values) {
  const list = make("dl", "approval-arguments");
  for (const [key, value] of Object.entries(values ?? {})) {
    list.append(make("dt", "", seen(key)), make("dd", "", make("code", "", seen(JSON.stringify(value, null, 1)))));
  }
  // Long ones scroll, with keys too. A list with another role would be no list.
  const frame = make("div", "approval-frame", list);
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  name(frame, "tool.arguments");
  return frame;
}

customElements.define("approval-card", ApprovalCard);
