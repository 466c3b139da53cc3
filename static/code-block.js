// @ts-check
/** A program or a file in an answer, with its language and a button that copies it. */

import { CopyButton } from "./copy-button.js";
import { make } from "./dom.js";
import { name, show } from "./language.js";

const MAX_LANGUAGE = 30;

export class CodeBlock {
  #text = document.createTextNode("");
  #hasLine = false;
  element;

  /** @param {string} language Empty where the model did not say. */
  constructor(language) {
    const label = make("span", "code-language", language.slice(0, MAX_LANGUAGE));
    if (!language) show(label, "answer.code");
    const code = document.createElement("code");
    code.append(this.#text);
    const frame = make("pre", "", code);
    frame.tabIndex = 0;
    frame.dir = "ltr";
    frame.setAttribute("role", "group");
    name(frame, "answer.code");
    const copy = new CopyButton("copy.code", () => this.#text.data);
    this.element = make("div", "code-block", make("div", "code-head", label, copy.element), frame);
  }

  /** @param {string} text */
  beginLine(text) {
    this.#text.appendData(this.#hasLine ? `\n${text}` : text);
    this.#hasLine = true;
  }

  /** @param {string} text Goes on with the line. */
  add(text) {
    this.#text.appendData(text);
  }
}
