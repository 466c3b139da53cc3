// @ts-check
/** The page's sound: one context, with a microphone and a loudspeaker in it while somebody talks. */

import { askForMicrophone, Microphone, NoMicrophone } from "./microphone.js";
import { Player } from "./player.js";

const WORKLETS = ["./worklets/capture.js", "./worklets/playback.js"];

/**
 * @typedef {object} SoundEvents
 * @property {import("./microphone.js").Heard} heard
 * @property {(played: import("./player.js").Played) => void} played
 * @property {() => void} lost The microphone is gone.
 */

export class Sound {
  #context;
  #microphone;
  #events;
  player;

  /**
   * Begins to listen. To be called by a click, else browsers keep the sound waiting.
   *
   * @param {string} deviceId Empty: the system's own.
   * @param {SoundEvents} events
   * @throws {NoMicrophone}
   */
  static async open(deviceId, events) {
    const context = new AudioContext({ latencyHint: "interactive" });
    /** @type {MediaStream | null} */
    let stream = null;
    try {
      stream = await askForMicrophone(deviceId);
      const modules = WORKLETS.map((path) => context.audioWorklet.addModule(new URL(path, import.meta.url)));
      await Promise.all([...modules, context.resume()]);
      return new Sound(context, stream, events);
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      void context.close();
      throw error instanceof NoMicrophone ? error : new NoMicrophone("mic.failed");
    }
  }

  /**
   * @param {AudioContext} context
   * @param {MediaStream} stream
   * @param {SoundEvents} events
   */
  constructor(context, stream, events) {
    this.#context = context;
    this.#events = events;
    this.#microphone = new Microphone(context, stream, events.heard, events.lost);
    this.player = new Player(context, events.played);
  }

  /** The microphone that listens. */
  get deviceId() {
    return this.#microphone.deviceId;
  }

  /**
   * Listens to another microphone; where that fails, the one of now stays.
   *
   * @param {string} deviceId
   * @throws {NoMicrophone}
   */
  async change(deviceId) {
    const stream = await askForMicrophone(deviceId);
    this.#microphone.close();
    this.#microphone = new Microphone(this.#context, stream, this.#events.heard, this.#events.lost);
  }

  close() {
    this.#microphone.close();
    this.player.close();
    void this.#context.close();
  }
}
