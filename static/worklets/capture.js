// @ts-check
/** The microphone's sound as frames of PCM16 at the wanted rate, each with how loud it is. */

import { Resampler } from "../resampler.js";

const BLOCK_SAMPLES = 128;
/** Frames that may be on their way back from the page. */
const SPARE_FRAMES = 8;
const FULL_SCALE = 32_767;

class Capture extends AudioWorkletProcessor {
  #isOpen = true;
  #filled = 0;
  #power = 0;

  /** @param {{processorOptions: {rateHz: number, frameSamples: number}}} options */
  constructor({ processorOptions: { rateHz, frameSamples } }) {
    super();
    this.resampler = new Resampler(sampleRate, rateHz, BLOCK_SAMPLES);
    this.scratch = new Float32Array(this.resampler.room(BLOCK_SAMPLES));
    this.frameSamples = frameSamples;
    /** @type {Int16Array<ArrayBuffer>[]} */
    this.spare = Array.from({ length: SPARE_FRAMES }, () => new Int16Array(frameSamples));
    this.frame = new Int16Array(frameSamples);
    // The page gives each frame back when it has been sent; without one there is nothing more to do here.
    this.port.onmessage = ({ data }) => {
      if (data instanceof Int16Array) this.spare.push(/** @type {Int16Array<ArrayBuffer>} */ (data));
      else this.#isOpen = false;
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([input]) {
    const channel = input?.[0];
    if (channel) this.#take(channel);
    return this.#isOpen;
  }

  /** @param {Float32Array} channel */
  #take(channel) {
    const count = this.resampler.push(channel, this.scratch);
    for (let index = 0; index < count; index += 1) {
      const sample = Math.max(-1, Math.min(1, this.scratch[index]));
      this.frame[this.#filled] = Math.round(sample * FULL_SCALE);
      this.#power += sample * sample;
      this.#filled += 1;
      if (this.#filled === this.frameSamples) this.#post();
    }
  }

  #post() {
    const level = Math.sqrt(this.#power / this.frameSamples);
    this.port.postMessage({ pcm: this.frame, level }, [this.frame.buffer]);
    this.frame = this.spare.pop() ?? new Int16Array(this.frameSamples);
    this.#filled = 0;
    this.#power = 0;
  }
}

registerProcessor("capture", Capture);
