// @ts-check
/** Something that is held down: a button by finger, mouse or keyboard, or the space bar where nobody writes. */

const HOLDING_KEYS = [" ", "Enter"];
/** Where the space bar writes, or has a meaning of its own. Buttons have Enter. */
const TAKES_SPACE = "input, textarea, select, summary, [contenteditable], dialog[open] *";

export class HoldKey {
  #isHeld = false;
  #isOn = false;
  #press;
  #release;

  /**
   * @param {HTMLElement} button
   * @param {{press: () => void, release: () => void}} acts
   */
  constructor(button, { press, release }) {
    this.#press = press;
    this.#release = release;
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      // The finger may slide off; it still holds.
      button.setPointerCapture(event.pointerId);
      this.#down();
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      button.addEventListener(type, () => this.#up());
    }
    // A long press is no wish for a menu here.
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => this.#keyDown(event, button));
    document.addEventListener("keyup", (event) => {
      if (!this.#isHeld || !HOLDING_KEYS.includes(event.key)) return;
      // Some browsers press the button that has the focus only now.
      event.preventDefault();
      this.#up();
    });
    // Whoever leaves does not hold anything.
    addEventListener("blur", () => this.#up());
    document.addEventListener("visibilitychange", () => this.#up());
  }

  /** Whether it does anything now. @param {boolean} isOn */
  turn(isOn) {
    this.#isOn = isOn;
    if (!isOn) this.#up();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement} button
   */
  #keyDown(event, button) {
    const { target, key } = event;
    if (!this.#isOn || !(target instanceof Element)) return;
    const isOurs = target === button ? HOLDING_KEYS.includes(key) : key === " " && !target.closest(TAKES_SPACE);
    if (!isOurs || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    // Else the page would scroll.
    event.preventDefault();
    this.#down();
  }

  #down() {
    if (this.#isHeld || !this.#isOn) return;
    this.#isHeld = true;
    this.#press();
  }

  #up() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#release();
  }
}
