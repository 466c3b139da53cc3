// @ts-check
/** What is chosen once and kept: microphone, loudspeaker, and how fast the agent speaks. */

import { part } from "./dom.js";
import { locale, phrase } from "./language.js";
import { devicesOf } from "./microphone.js";
import { store, stored } from "./preferences.js";
import { CAN_CHOOSE_SPEAKER } from "./sound.js";

const SPEEDS = [0.75, 0.9, 1, 1.15, 1.3, 1.5];

/**
 * @typedef {object} Chosen
 * @property {(deviceId: string) => void} listenTo
 * @property {(deviceId: string) => void} playOn
 * @property {(speed: number) => void} speakAt
 */

export class VoiceSettings {
  #toggle = part("voice-more");
  #box = part("voice-settings");
  #microphone = /** @type {HTMLSelectElement} */ (part("microphone"));
  #loudspeaker = /** @type {HTMLSelectElement} */ (part("loudspeaker"));
  #speed = /** @type {HTMLSelectElement} */ (part("speed"));

  /** @param {Chosen} acts */
  constructor(acts) {
    this.#toggle.addEventListener("click", () => {
      this.#box.hidden = !this.#box.hidden;
      this.#toggle.setAttribute("aria-expanded", String(!this.#box.hidden));
    });
    part("loudspeaker-choice").hidden = !CAN_CHOOSE_SPEAKER;
    this.#microphone.addEventListener("change", () => acts.listenTo(this.#microphone.value));
    this.#loudspeaker.addEventListener("change", () => {
      store("loudspeaker", this.#loudspeaker.value);
      acts.playOn(this.#loudspeaker.value);
    });
    this.#speed.addEventListener("change", () => {
      store("speed", this.#speed.value);
      acts.speakAt(this.speed);
    });
    const chosen = Number(stored("speed")) || 1;
    this.#speed.replaceChildren(
      ...SPEEDS.map((speed) => new Option(`${speed.toLocaleString(locale())} ×`, String(speed), false, speed === chosen)),
    );
  }

  /** How fast the agent speaks. */
  get speed() {
    return Number(this.#speed.value) || 1;
  }

  /** Where it speaks; empty: the system's own. */
  get loudspeaker() {
    return CAN_CHOOSE_SPEAKER ? (stored("loudspeaker") ?? "") : "";
  }

  /** @param {string} current The microphone that listens. */
  async showDevices(current) {
    offer(this.#microphone, await devicesOf("audioinput"), current, "mic.nameless");
    if (CAN_CHOOSE_SPEAKER) offer(this.#loudspeaker, await devicesOf("audiooutput"), this.loudspeaker, "talk.nameless");
  }
}

/**
 * @param {HTMLSelectElement} choice
 * @param {MediaDeviceInfo[]} devices
 * @param {string} current
 * @param {"mic.nameless" | "talk.nameless"} nameless
 */
function offer(choice, devices, current, nameless) {
  const options = devices.map(({ deviceId, label }, index) => {
    return new Option(readable(label) || phrase(nameless, { number: index + 1 }), deviceId, false, deviceId === current);
  });
  if (options.length === 0) options.push(new Option(phrase("talk.systems"), ""));
  choice.replaceChildren(...options);
  choice.disabled = options.length < 2;
}

/** Without the numbers of maker and product that some browsers add. @param {string} label */
function readable(label) {
  return label.replace(/\s*\([\da-f]{4}:[\da-f]{4}\)$/i, "");
}
