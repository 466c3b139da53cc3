// @ts-check
/** What shows the voice: the microphone's button, who speaks now, how loud it is, and the choices. */

import { part } from "./dom.js";
import { HoldKey } from "./hold-key.js";
import { name, show } from "./language.js";
import { missingHalf } from "./voice-status.js";

/** @typedef {import("./texts.js").TextKey} TextKey */
/** @typedef {import("./user-speech.js").Mode} Mode */
/** @typedef {"ready" | "reads" | "hold" | "user" | "silenced" | "thinking" | "agent" | "loading" | import("./sound.js").Taken} Who */
/** @typedef {import("./voice-status.js").VoiceState} VoiceState */

/**
 * @typedef {object} VoiceActs
 * @property {() => void} toggle Begins or ends talking aloud.
 * @property {(isOn: boolean) => void} read Whether answers are read to somebody who writes.
 * @property {(mode: Mode) => void} choose
 * @property {(isMuted: boolean) => void} mute
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
  #agentLevel = part("agent-level");
  #mute = part("mute");
  #note = part("voice-note");
  #speaker = part("speaker");
  #aloud = part("aloud");
  #hold = part("hold");
  #modes = [...document.querySelectorAll("[data-mode]")];
  #holdKey;
  #isOn = false;
  #status = "";
  /** Whether the note says how the server stands, rather than what went wrong here. */
  #isOfServer = true;
  /** Why nobody can talk here; empty where one can. @type {TextKey | ""} */
  #reason = "need.loading";
  /** @type {import("./language.js").Values} */
  #reasonValues = { percent: 0 };

  /** @param {VoiceActs} acts */
  constructor(acts) {
    this.#button.addEventListener("click", () => {
      if (this.#button.getAttribute("aria-disabled") !== "true") acts.toggle();
      else if (this.#reason) {
        this.#say(this.#reason, this.#reasonValues, false);
        this.#isOfServer = true;
      }
    });
    this.#mute.addEventListener("click", () => acts.mute(this.#mute.getAttribute("aria-pressed") !== "true"));
    this.#speaker.addEventListener("click", () => acts.speak(this.#speaker.getAttribute("aria-pressed") !== "true"));
    this.#aloud.addEventListener("click", () => acts.read(this.#aloud.getAttribute("aria-pressed") !== "true"));
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
    const reason = REASONS[status];
    this.#reason = half === "voice.deaf" ? half : (reason ?? "");
    this.#reasonValues = { percent: Math.floor(progress * 100), detail };
    this.#turnButton();
    // Who was talking aloud reads in the bar that it goes on.
    if (status === "loading" && this.#isOn) this.#note.hidden = true;
    else if (half) this.#say(half, { detail }, true);
    else if (reason) this.#say(reason, { percent: Math.floor(progress * 100), detail }, status === "failed");
    else if (this.#status === "ready" && this.#isOfServer) this.#note.hidden = true;
    // Where speech was never meant to be, nobody has to read about it; the button still says it.
    if (status === "off") this.#note.hidden = true;
    this.#isOfServer ||= Boolean(half || reason);
  }

  /**
   * @param {boolean} isOn Whether the user is heard.
   * @param {boolean} hasSound Whether anything is; alone, it is answers that are read aloud.
   */
  showOn(isOn, hasSound) {
    this.#isOn = isOn;
    this.#bar.hidden = !hasSound;
    this.#bar.toggleAttribute("data-reads", !isOn);
    // There is a switch of the talk's own then.
    this.#aloud.toggleAttribute("data-spare", isOn);
    this.#turnButton();
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
    // Who has to press is not heard else.
    this.#mute.hidden = mode === "manual";
    this.#turnKey();
  }

  /** @param {boolean} isOn */
  showSpeaker(isOn) {
    this.#speaker.setAttribute("aria-pressed", String(isOn));
  }

  /** @param {boolean} isOn */
  showReading(isOn) {
    this.#aloud.setAttribute("aria-pressed", String(isOn));
  }

  /** @param {boolean} canSpeak */
  offerReading(canSpeak) {
    this.#aloud.hidden = !canSpeak;
  }

  /** @param {Who} who */
  showWho(who) {
    this.#now.dataset.who = who;
    this.#hold.toggleAttribute("data-held", who === "user");
    show(this.#who, `who.${who}`);
  }

  /** @param {boolean} isMuted */
  showMuted(isMuted) {
    this.#mute.setAttribute("aria-pressed", String(isMuted));
  }

  /**
   * @param {number} level Of the user, from 0 to 1.
   * @param {number} agent
   */
  showLevels(level, agent) {
    this.#level.style.setProperty("--level", shareOf(level));
    this.#agentLevel.style.setProperty("--level", shareOf(agent));
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
    this.#isOfServer = false;
    this.#note.toggleAttribute("data-trouble", isTrouble);
    show(this.#note, key, values);
  }

  #turnButton() {
    this.#button.setAttribute("aria-disabled", String(!this.#isOn && this.#status !== "ready"));
  }

  #turnKey() {
    this.#holdKey.turn(this.#isOn && !this.#hold.hidden);
  }
}

/** @param {number} level From 0 to 1. */
function shareOf(level) {
  return Math.min(1, Math.sqrt(level / FULL_LEVEL)).toFixed(2);
}
