// @ts-check
/** What is chosen once and kept: microphone, loudspeaker, the agent's voice, and how fast it speaks. */

import { part } from "./dom.js";
import { locale, phrase, show } from "./language.js";
import { devicesOf } from "./microphone.js";
import { store, stored } from "./preferences.js";
import { CAN_CHOOSE_SPEAKER } from "./sound.js";

/** In their own words: whoever chooses a voice knows the language that it speaks. */
const LANGUAGES = { es: "Español", en: "English" };
const SPEEDS = [0.75, 0.9, 1, 1.15, 1.3, 1.5];

/**
 * @typedef {object} Chosen
 * @property {(deviceId: string) => void} listenTo
 * @property {(deviceId: string) => void} playOn
 * @property {(name: string) => void} speakBy Empty: each language's own voice.
 * @property {(speed: number) => void} speakAt
 */

export class VoiceSettings {
  #toggle = part("voice-more");
  #box = part("voice-settings");
  #microphone = /** @type {HTMLSelectElement} */ (part("microphone"));
  #loudspeaker = /** @type {HTMLSelectElement} */ (part("loudspeaker"));
  #voice = /** @type {HTMLSelectElement} */ (part("speaking-voice"));
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
    this.#voice.addEventListener("change", () => {
      store("voice", this.#voice.value);
      acts.speakBy(this.#voice.value);
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

  /** Who speaks; empty: each language's own voice, and whoever was chosen where they are not there. */
  get voice() {
    return this.#voice.value;
  }

  /** @param {import("./voice-status.js").VoiceName[]} voices Those that the server has; one is no choice. */
  showVoices(voices) {
    part("speaking-voice-choice").hidden = voices.length < 2;
    const chosen = stored("voice");
    const own = new Option("", "");
    show(own, "talk.ownVoice");
    const options = (/** @type {string | null} */ spoken) =>
      voices.filter(({ language }) => language === spoken).map(({ name, label }) => new Option(label, name, false, name === chosen));
    const groups = Object.entries(LANGUAGES).map(([language, label]) => {
      const group = document.createElement("optgroup");
      group.label = label;
      group.append(...options(language));
      return group;
    });
    this.#voice.replaceChildren(own, ...options(null), ...groups.filter((group) => group.childElementCount));
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
