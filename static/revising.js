// @ts-check
/** Asking the agent anew: another answer to the last text, or other words in the place of an earlier one. */

import { icon, make } from "./dom.js";
import { name, show } from "./language.js";

/** @typedef {(turn: string, content?: string) => Promise<unknown>} Revise Resolves as soon as the server has it. */
/** @typedef {import("./message.js").ChatMessage} ChatMessage */

/**
 * @param {ChatMessage} answer
 * @param {() => Promise<unknown>} act
 */
export function offerRegeneration(answer, act) {
  const foot = answer.querySelector(".message-foot");
  foot?.querySelector(".regenerate")?.remove();
  foot?.append(once("icon-again", "revise.regenerate", "regenerate", act));
}

/**
 * @param {ChatMessage} text Of the user.
 * @param {(content: string) => Promise<unknown>} act
 */
export function offerEdit(text, act) {
  const head = text.querySelector(".message-head");
  head?.querySelector(".edit")?.remove();
  const button = iconButton("icon-rename", "revise.edit", "edit");
  button.addEventListener("click", () => edit(text, button, act));
  head?.append(button);
}

/** Takes a part of the talk away; who was in it goes on in the box below. @param {Element | null | undefined} place */
export function leave(place) {
  const hadFocus = place?.contains(document.activeElement) ?? false;
  place?.remove();
  if (hadFocus) document.getElementById("message")?.focus();
}

/**
 * The text becomes a field: Enter sends it, Escape leaves it as it was.
 *
 * @param {ChatMessage} text
 * @param {HTMLButtonElement} button
 * @param {(content: string) => Promise<unknown>} act
 */
function edit(text, button, act) {
  if (text.querySelector(".revision")) return;
  const form = /** @type {HTMLFormElement} */ (make("form", "revision"));
  const field = document.createElement("textarea");
  field.value = text.text;
  field.dir = "auto";
  field.rows = Math.min(8, text.text.split("\n").length + 1);
  name(field, "revise.field");
  const send = /** @type {HTMLButtonElement} */ (make("button", "text-button"));
  const cancel = /** @type {HTMLButtonElement} */ (make("button", "text-button"));
  cancel.type = "button";
  show(send, "revise.send");
  show(cancel, "revise.cancel");
  const close = () => {
    form.remove();
    delete text.dataset.revising;
    button.focus();
  };
  form.append(field, make("div", "revision-acts", send, cancel));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const content = field.value.trim();
    if (!content || form.dataset.sent) return;
    form.dataset.sent = "";
    // It leaves with its text when the server has it; where it may not be revised, it is to be had again.
    act(content).catch(close);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  cancel.addEventListener("click", close);
  text.dataset.revising = "";
  text.append(form);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

/**
 * A button whose second press does nothing until the first has failed.
 *
 * @param {string} symbol
 * @param {import("./texts.js").TextKey} label
 * @param {string} kind
 * @param {() => Promise<unknown>} act
 */
function once(symbol, label, kind, act) {
  const button = iconButton(symbol, label, kind);
  let isAsked = false;
  button.addEventListener("click", () => {
    if (isAsked) return;
    isAsked = true;
    act().catch(() => {
      isAsked = false;
    });
  });
  return button;
}

/**
 * @param {string} symbol
 * @param {import("./texts.js").TextKey} label
 * @param {string} kind
 */
function iconButton(symbol, label, kind) {
  const button = /** @type {HTMLButtonElement} */ (make("button", `icon-button small ${kind}`, icon(symbol)));
  button.type = "button";
  name(button, label);
  return button;
}
