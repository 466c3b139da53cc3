// @ts-check
/** What shows the voice: the microphone's button, who speaks now, how loud it is, and the choices. */

import { part } from "./dom.js";
import { HoldKey } from "./hold-key.js";
import { name, phrase, show } from "./language.js";
import { missingHalf } from "./voice-status.js";

/** @typedef {import("./texts.js").TextKey} TextKey */
/** @typedef {import("./user-speech.js").Mode} Mode */
/** @typedef {"ready" | "hold" | "user" | "thinking" | "agent" | "loading" | import("./sound.js").Taken} Who */
/** @typedef {import("./voice-status.js").VoiceState} VoiceState */

/**
 * @typedef {object} VoiceActs
 * @property {() => void} toggle Begins or ends talking aloud.
 * @property {(mode: Mode) => void} choose
 * @property {(deviceId: string) => void} listenTo
 * @property {(isOn: boolean) => void} speak Whether answers are spoken.
 * @property {() => void} press
 * @property {() => void} release
 */

/** @type {Record<string, TextKey>} */
const REASONS = {
  off: "need.off",
  loading: "need.loading",
  not_installed: "need.not_installed",
  failed: "need.failed",
};
/** The level at which the meter is full; ordinary speech moves about its middle. */
const FULL_LEVEL = 0.3;

export class VoiceBar {
  #button = /** @type {HTMLButtonElement} */ (part("mic"));
  #bar = part("voice-bar");
  #now = part("voice-now");
  #who = part("voice-who");
  #level = part("voice-level");
  #note = part("voice-note");
  #speaker = part("speaker");
  #hold = part("hold");
  #choice = /** @type {HTMLSelectElement} */ (part("microphone"));
  #modes = [...document.querySelectorAll("[data-mode]")];
  #holdKey;
  #isOn = false;
  #status = "";

  /** @param {VoiceActs} acts */
  constructor(acts) {
    this.#button.addEventListener("click", acts.toggle);
    this.#speaker.addEventListener("click", () => acts.speak(this.#speaker.getAttribute("aria-pressed") !== "true"));
    this.#choice.addEventListener("change", () => acts.listenTo(this.#choice.value));
    for (const button of this.#modes) {
      button.addEventListener("click", () => acts.choose(button.getAttribute("data-mode") === "manual" ? "manual" : "auto"));
    }
    this.#holdKey = new HoldKey(this.#hold, acts);
  }

  /** How the server's speech stands; without it nobody can talk here, and a sentence says why. @param {VoiceState} state */
  showServer(state) {
    const { status, progress, detail } = state;
    const half = missingHalf(state);
    // Who is heard may talk, also where the answers are only written.
    this.#status = half === "voice.mute" || status === "degraded" ? "ready" : status;
    this.#button.disabled = this.#status !== "ready" && !this.#isOn;
    const reason = REASONS[status];
    // Who was talking aloud reads in the bar that it goes on.
    if (status === "loading" && this.#isOn) this.#note.hidden = true;
    else if (half) this.#say(half, { detail }, true);
    else if (reason) this.#say(reason, { percent: Math.floor(progress * 100), detail }, status === "failed");
    else if (this.#status === "ready") this.#note.hidden = true;
    // Where speech was never meant to be, nobody has to read about it; the button still says it.
    if (status === "off") this.#note.hidden = true;
  }

  /** @param {boolean} isOn */
  showOn(isOn) {
    this.#isOn = isOn;
    this.#bar.hidden = !isOn;
    this.#button.disabled = !isOn && this.#status !== "ready";
    this.#button.setAttribute("aria-pressed", String(isOn));
    name(this.#button, isOn ? "mic.off" : "mic.on");
    this.#turnKey();
  }

  /** @param {Mode} mode */
  showMode(mode) {
    for (const button of this.#modes) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-mode") === mode));
    }
    this.#hold.hidden = mode !== "manual";
    this.#turnKey();
  }

  /** @param {boolean} isOn */
  showSpeaker(isOn) {
    this.#speaker.setAttribute("aria-pressed", String(isOn));
  }

  /** @param {Who} who */
  showWho(who) {
    this.#now.dataset.who = who;
    this.#hold.toggleAttribute("data-held", who === "user");
    show(this.#who, `who.${who}`);
  }

  /** @param {number} level From 0 to 1. */
  showLevel(level) {
    const share = Math.min(1, Math.sqrt(level / FULL_LEVEL));
    this.#level.style.setProperty("--level", share.toFixed(2));
  }

  /**
   * @param {MediaDeviceInfo[]} devices
   * @param {string} current The one that listens.
   */
  showDevices(devices, current) {
    const options = devices.map(({ deviceId, label }, index) => {
      return new Option(label || phrase("mic.nameless", { number: index + 1 }), deviceId, false, deviceId === current);
    });
    this.#choice.replaceChildren(...options);
    this.#choice.disabled = options.length < 2;
  }

  /** Says what went wrong; the text box goes on. @param {TextKey} key */
  showTrouble(key) {
    this.#say(key, {}, true);
  }

  /** @param {TextKey} key */
  showHint(key) {
    this.#say(key, {}, false);
  }

  clearNote() {
    this.#note.hidden = true;
  }

  /**
   * @param {TextKey} key
   * @param {import("./language.js").Values} values
   * @param {boolean} isTrouble
   */
  #say(key, values, isTrouble) {
    this.#note.hidden = false;
    this.#note.toggleAttribute("data-trouble", isTrouble);
    show(this.#note, key, values);
  }

  #turnKey() {
    this.#holdKey.turn(this.#isOn && !this.#hold.hidden);
  }
}
