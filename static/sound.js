// @ts-check
/** The page's sound: one context, with a loudspeaker in it, and a microphone while somebody talks. */

import { askForMicrophone, Microphone, NoMicrophone, stop } from "./microphone.js";
import { Player } from "./player.js";

const WORKLETS = ["./worklets/capture.js", "./worklets/playback.js"];
/** Not every system says when it gives the sound back. */
const AGAIN_MS = 1000;

/** @typedef {"paused" | "muted" | "gone"} Taken What the system has taken: all sound, what is heard, the microphone. */

/**
 * @typedef {object} SoundEvents
 * @property {import("./microphone.js").Heard} heard
 * @property {(played: import("./player.js").Played) => void} played
 * @property {(taken: Taken | null) => void} taken The system has taken sound away, for a phone call for one; null: it
 *   is back.
 * @property {() => void} lost The microphone is gone, and there is no other.
 */

/** Whether the page may choose the loudspeaker. */
export const CAN_CHOOSE_SPEAKER = typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;

export class Sound {
  #context;
  /** None where nobody is heard. @type {Microphone | null} */
  #microphone = null;
  #events;
  #deviceId = "";
  #isMuted = false;
  /** The user wants not to be heard. */
  #isSilenced = false;
  #isGone = false;
  #isAsking = false;
  #isClosed = false;
  /** @type {Taken | null} */
  #taken = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  player;

  /**
   * Begins to listen, or to be heard alone. To be called by a click, else browsers keep the sound waiting.
   *
   * @param {string | null} deviceId Of the microphone; empty: the system's own; null: nobody is heard.
   * @param {SoundEvents} events
   * @throws {NoMicrophone} Also where there is no sound at all.
   */
  static async open(deviceId, events) {
    const context = new AudioContext({ latencyHint: "interactive" });
    /** @type {MediaStream | null} */
    let stream = null;
    try {
      if (deviceId !== null) stream = await askForMicrophone(deviceId);
      const modules = WORKLETS.map((path) => context.audioWorklet.addModule(new URL(path, import.meta.url)));
      await Promise.all([...modules, context.resume()]);
      return new Sound(context, stream, deviceId ?? "", events);
    } catch (error) {
      stop(stream);
      void context.close();
      throw error instanceof NoMicrophone ? error : new NoMicrophone("mic.failed");
    }
  }

  /**
   * @param {AudioContext} context
   * @param {MediaStream | null} stream
   * @param {string} deviceId
   * @param {SoundEvents} events
   */
  constructor(context, stream, deviceId, events) {
    this.#context = context;
    this.#events = events;
    this.#deviceId = deviceId;
    if (stream) this.#microphone = this.#listen(stream);
    this.player = new Player(context, events.played);
    context.addEventListener("statechange", this.#look);
    // Some systems give sound back only to a page that is seen, others only to one that is touched.
    for (const type of ["visibilitychange", "pointerdown"]) document.addEventListener(type, this.#look);
  }

  /** The microphone that listens; empty where none does. */
  get deviceId() {
    return this.#microphone?.deviceId ?? "";
  }

  /**
   * Listens to a microphone, or to another one; where that fails, it is as before.
   *
   * @param {string} deviceId
   * @throws {NoMicrophone}
   */
  async change(deviceId) {
    const stream = await askForMicrophone(deviceId);
    if (this.#isClosed) return stop(stream);
    this.#deviceId = deviceId;
    this.#microphone?.close();
    this.#isMuted = this.#isGone = false;
    this.#microphone = this.#listen(stream);
    this.#look();
  }

  /** Gives the microphone back; what is played goes on. */
  deafen() {
    this.#microphone?.close();
    this.#microphone = null;
    this.#isMuted = this.#isGone = this.#isSilenced = false;
    this.#look();
  }

  /** The user wants not to be heard for a while, or to be heard again. @param {boolean} isMuted */
  mute(isMuted) {
    this.#isSilenced = isMuted;
    this.#microphone?.mute(isMuted);
  }

  /**
   * Where the agent is heard; not every browser lets a page choose.
   *
   * @param {string} deviceId Empty: the system's own.
   */
  async playOn(deviceId) {
    const context = /** @type {{setSinkId?: (id: string) => Promise<void>}} */ (/** @type {unknown} */ (this.#context));
    // One that is gone: the system's own goes on.
    await context.setSinkId?.(deviceId === "default" ? "" : deviceId).catch(() => {});
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#again);
    this.#context.removeEventListener("statechange", this.#look);
    for (const type of ["visibilitychange", "pointerdown"]) document.removeEventListener(type, this.#look);
    this.#microphone?.close();
    this.player.close();
    void this.#context.close();
  }

  /** @param {MediaStream} stream */
  #listen(stream) {
    /** @type {Microphone} */
    const microphone = new Microphone(this.#context, stream, this.#events.heard, {
      muted: (isMuted) => {
        this.#isMuted = isMuted;
        this.#look();
      },
      ended: () => {
        this.#isGone = true;
        this.#look();
      },
    });
    microphone.mute(this.#isSilenced);
    return microphone;
  }

  /** Tells what is missing, and asks for it. */
  #look = () => {
    if (this.#isClosed) return;
    clearTimeout(this.#again);
    const isPaused = this.#context.state !== "running";
    const taken = isPaused ? "paused" : this.#isGone ? "gone" : this.#isMuted ? "muted" : null;
    const isNews = taken !== this.#taken;
    this.#taken = taken;
    if (isPaused) void this.#context.resume().catch(() => {}); // it is asked for again
    if (this.#isGone) void this.#reopen();
    if (isPaused || this.#isGone) this.#again = setTimeout(this.#look, AGAIN_MS);
    if (isNews) this.#events.taken(taken);
  };

  /** Asks for a microphone again, where a page may. */
  async #reopen() {
    if (this.#isAsking || document.hidden) return;
    this.#isAsking = true;
    try {
      await this.change(this.#deviceId);
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      // A phone call has it for as long as it lasts.
      if (error.key !== "mic.busy" && !this.#isClosed) this.#events.lost();
    } finally {
      this.#isAsking = false;
    }
  }
}
