// @ts-check
/** The user's side of talking aloud: which of the microphone's frames leave, and when what was said is over. */

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {import("./latency.js").Stopwatch} Stopwatch */
/** @typedef {"auto" | "manual"} Mode */

/** Frames of 20 ms that still belong to what was said when the button is let go. */
const TAIL_FRAMES = 6;
/** Who holds the button for less has only touched it. */
const LEAST_FRAMES = 10;

export class UserSpeech {
  #client;
  #watch;
  #isHeld = false;
  #heldFrames = 0;
  #tailFrames = 0;
  #utterance = "";
  /** `auto`: the server finds out when somebody has finished. @type {Mode} */
  mode;

  /**
   * @param {VoiceAgentClient} client
   * @param {Stopwatch} watch
   * @param {Mode} mode
   * @param {() => void} changed Whether the user speaks.
   */
  constructor(client, watch, mode, changed) {
    this.#client = client;
    this.#watch = watch;
    this.mode = mode;
    /** @type {(utterance: string) => void} */
    const say = (utterance) => {
      this.#utterance = utterance;
      changed();
    };
    client.addEventListener("speech_started", ({ detail }) => say(detail.utterance_id));
    client.addEventListener("speech_stopped", () => say(""));
    client.addEventListener("open", () => say(""));
  }

  get isSpeaking() {
    return this.#isHeld || this.#utterance !== "";
  }

  /** @type {import("./microphone.js").Heard} */
  hear(pcm, level) {
    if (this.mode === "auto") {
      this.#watch.hear(level, performance.now());
      this.#client.sendAudio(pcm);
    } else if (this.#isHeld) {
      this.#heldFrames += 1;
      this.#client.sendAudio(pcm);
    } else if (this.#tailFrames > 0) {
      this.#tailFrames -= 1;
      this.#client.sendAudio(pcm);
      if (this.#tailFrames === 0) this.#client.commitAudio();
    }
  }

  press() {
    this.#isHeld = true;
    // Who presses again at once goes on with what was said.
    this.#heldFrames = this.#tailFrames > 0 ? LEAST_FRAMES : 0;
    this.#tailFrames = 0;
  }

  /** @returns {boolean} Whether anything can have been said. */
  release() {
    this.#isHeld = false;
    this.#watch.release(performance.now());
    if (this.#heldFrames >= LEAST_FRAMES) this.#tailFrames = TAIL_FRAMES;
    else this.#client.clearAudio();
    return this.#tailFrames > 0;
  }

  /** The microphone is closed. */
  stop() {
    this.#isHeld = false;
    this.#tailFrames = 0;
    this.#utterance = "";
  }
}
