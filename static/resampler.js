// @ts-check
/**
 * Sound at another rate, by a windowed sinc from a table. No DOM: the microphone's worklet uses it too, where nothing
 * may be allocated once the sound runs.
 */

/** Zero crossings of the sinc on each side. */
const CROSSINGS = 16;
/** Places between two samples that the table knows; 1/3 and 1/2 are met to within 1/768. */
const PHASES = 384;
/** How much of the lower rate's band is kept; the rest is the filter's slope. */
const BAND = 0.92;

export class Resampler {
  #step;
  #half;
  #table;
  #held;
  /** Samples that are held. */
  #count;
  /** Where in them the next output is. */
  #time;

  /**
   * @param {number} fromHz
   * @param {number} toHz
   * @param {number} mostSamples The longest input at once.
   */
  constructor(fromHz, toHz, mostSamples) {
    const band = Math.min(1, toHz / fromHz);
    this.#step = fromHz / toHz;
    this.#half = Math.ceil(CROSSINGS / band);
    this.#table = fromHz === toHz ? null : tableOf(this.#half, band * BAND);
    this.#held = new Float32Array(2 * this.#half + Math.ceil(this.#step) + mostSamples);
    this.#count = this.#half - 1;
    this.#time = this.#half - 1;
  }

  /** How many samples may come of so many. @param {number} length */
  room(length) {
    return Math.ceil(length / this.#step) + 1;
  }

  /**
   * @param {Float32Array} input
   * @param {Float32Array} output Has `room()`.
   * @returns {number} How many samples were written; the filter holds some back.
   */
  push(input, output) {
    const table = this.#table;
    if (!table) {
      output.set(input);
      return input.length;
    }
    this.#held.set(input, this.#count);
    this.#count += input.length;
    const taps = 2 * this.#half;
    let written = 0;
    for (; Math.floor(this.#time) + this.#half < this.#count; this.#time += this.#step) {
      const place = Math.floor(this.#time);
      const row = Math.round((this.#time - place) * PHASES) * taps;
      const first = place - this.#half + 1;
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) sum += this.#held[first + tap] * table[row + tap];
      output[written] = sum;
      written += 1;
    }
    this.#forget(Math.min(this.#count, Math.floor(this.#time) - this.#half + 1));
    return written;
  }

  /** @param {number} samples */
  #forget(samples) {
    if (samples <= 0) return;
    this.#held.copyWithin(0, samples, this.#count);
    this.#count -= samples;
    this.#time -= samples;
  }
}

/**
 * One row of weights for each place between two samples; each row leaves a constant as it is.
 *
 * @param {number} half
 * @param {number} band
 */
function tableOf(half, band) {
  const taps = 2 * half;
  const table = new Float32Array((PHASES + 1) * taps);
  for (let phase = 0; phase <= PHASES; phase += 1) {
    const row = table.subarray(phase * taps, (phase + 1) * taps);
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = tap - half + 1 - phase / PHASES;
      row[tap] = sinc(distance * band) * blackman(distance / half);
      sum += row[tap];
    }
    for (let tap = 0; tap < taps; tap += 1) row[tap] /= sum;
  }
  return table;
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** @param {number} x From -1 to 1. */
function blackman(x) {
  if (Math.abs(x) >= 1) return 0;
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}
