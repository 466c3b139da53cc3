// @ts-check
/** Panels at the sides of the talk; where there is no room beside it, they lie over it. */

import { part } from "./dom.js";

/** @type {SidePanel[]} */
const panels = [];

/** What lies under a panel is for nobody: neither keys nor a screen reader come to it. */
function settle() {
  const isUnder = panels.some((panel) => panel.isOver);
  for (const place of document.querySelectorAll("header, main")) place.toggleAttribute("inert", isUnder);
}

addEventListener("resize", settle);

export class SidePanel {
  #panel;
  #toggle;
  #slot;
  #opened;

  /**
   * @param {string} name Of its parts: itself, `-toggle` and `-close`.
   * @param {"start" | "end"} slot The side; one panel of a side is open at a time.
   * @param {() => void} opened Is told each time.
   */
  constructor(name, slot, opened) {
    this.#panel = part(name);
    this.#toggle = part(`${name}-toggle`);
    this.#slot = slot;
    this.#opened = opened;
    this.#toggle.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    part(`${name}-close`).addEventListener("click", () => this.close());
    panels.push(this);
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  /** Whether it lies over the talk rather than beside it. */
  get isOver() {
    return this.isOpen && getComputedStyle(this.#panel).position === "fixed";
  }

  open() {
    this.#panel.hidden = false;
    this.#toggle.setAttribute("aria-expanded", "true");
    for (const other of panels) {
      if (other !== this && (other.#slot === this.#slot || other.isOver)) other.close();
    }
    settle();
    if (this.isOver) this.#panel.querySelector("button")?.focus();
    this.#opened();
  }

  close() {
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#panel.hidden = true;
    this.#toggle.setAttribute("aria-expanded", "false");
    settle();
    // The button that opened it may lie in another panel, which is closed by now.
    if (hadFocus) (this.#toggle.checkVisibility() ? this.#toggle : part("talks-toggle")).focus();
  }

  /** @param {EventTarget | null} place Whether this is in the panel, or opens and closes it. */
  isAround(place) {
    return place instanceof Node && (this.#panel.contains(place) || this.#toggle.contains(place));
  }
}

/** Closes what lies over the talk. @returns {boolean} Whether anything did. */
export function closeOver() {
  const over = panels.filter((panel) => panel.isOver);
  for (const panel of over) panel.close();
  return over.length > 0;
}

document.addEventListener("pointerdown", ({ target }) => {
  if (target instanceof Element && target.closest("dialog")) return;
  for (const panel of panels) if (panel.isOver && !panel.isAround(target)) panel.close();
});
