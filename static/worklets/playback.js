// @ts-check
/**
 * Plays the agent's sound, turn by turn, and says how much of each was played.
 *
 * What stops is faded out first, else it clicks; what was faded counts as played.
 */

const FADE_SAMPLES = Math.round(sampleRate * 0.02);
const REPORT_SAMPLES = Math.round(sampleRate * 0.2);
/** The server is at most a second ahead; what is far beyond that is not its sound. */
const MOST_SAMPLES = sampleRate * 10;

/** What is held of a turn's sound. */
class Part {
  /** @type {Float32Array[]} */
  #pieces = [];
  /** Samples of the first piece that were played. */
  #at = 0;
  #waiting = 0;
  /** Whether it is to go, after its fade. */
  isLeaving = false;
  isSounding = false;
  reported = 0;

  /**
   * @param {string} turn
   * @param {number} played Samples, from the start of the turn's sound.
   */
  constructor(turn, played) {
    this.turn = turn;
    this.played = played;
  }

  get isEmpty() {
    return this.#waiting === 0;
  }

  /** @param {Float32Array} samples */
  add(samples) {
    if (this.#waiting + samples.length > MOST_SAMPLES || samples.length === 0) return;
    this.#pieces.push(samples);
    this.#waiting += samples.length;
  }

  next() {
    const [piece] = this.#pieces;
    const sample = piece[this.#at];
    this.#at += 1;
    this.#waiting -= 1;
    this.played += 1;
    if (this.#at === piece.length) {
      this.#pieces.shift();
      this.#at = 0;
    }
    return sample;
  }

  /** Keeps no more than so many. @param {number} samples */
  keep(samples) {
    while (this.#waiting > samples) {
      const last = /** @type {Float32Array} */ (this.#pieces.pop());
      const rest = last.length - (this.#pieces.length === 0 ? this.#at : 0);
      this.#waiting -= rest;
      const missing = samples - this.#waiting;
      if (missing <= 0) continue;
      this.#pieces.push(last.subarray(0, last.length - rest + missing));
      this.#waiting += missing;
    }
    if (this.#waiting === 0) this.#at = 0;
  }
}

class Playback extends AudioWorkletProcessor {
  /** @type {Part[]} */
  #parts = [];
  #isHeld = false;
  #gain = 1;
  #isOpen = true;

  /** @param {any} _options */
  constructor(_options) {
    super();
    /** @type {Record<string, (message: any) => void>} */
    const does = { begin: this.#begin, sound: this.#add, drop: this.#drop, hold: this.#hold, close: this.#close };
    this.port.onmessage = ({ data }) => does[data.type].call(this, data);
  }

  /** @param {{turn: string, offsetMs: number}} message */
  #begin({ turn, offsetMs }) {
    const offset = Math.round((offsetMs * sampleRate) / 1000);
    const part = this.#partOf(turn);
    if (!part) {
      this.#parts.push(new Part(turn, offset));
      return;
    }
    part.keep(Math.max(0, offset - part.played));
    if (part.isEmpty) part.played = offset;
  }

  /** @param {{turn: string, samples: Float32Array}} message */
  #add({ turn, samples }) {
    this.#partOf(turn)?.add(samples);
  }

  /** @param {{turn: string | null}} message Null: all. */
  #drop({ turn }) {
    for (const part of this.#parts) {
      if (turn !== null && part.turn !== turn) continue;
      part.isLeaving = true;
      part.keep(FADE_SAMPLES);
    }
  }

  /** @param {{isHeld: boolean}} message */
  #hold({ isHeld }) {
    this.#isHeld = isHeld;
  }

  #close() {
    this.#isOpen = false;
  }

  /** @param {string} turn */
  #partOf(turn) {
    return this.#parts.find((part) => part.turn === turn && !part.isLeaving);
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, [[output]]) {
    let written = 0;
    while (written < output.length) {
      const part = this.#parts[0];
      if (!part) break;
      if (this.#hasStopped(part)) {
        this.#tellStopped(part);
        if (!part.isLeaving && this.#parts.length === 1) break;
        if (!part.isLeaving && !part.isEmpty) break;
        this.#parts.shift();
        this.#gain = this.#isHeld ? 0 : 1;
        continue;
      }
      output[written] = part.next() * this.#fade(part);
      written += 1;
      if (!part.isSounding || part.played - part.reported >= REPORT_SAMPLES) this.#report(part, true);
    }
    return this.#isOpen;
  }

  /** Whether nothing of it sounds now. @param {Part} part */
  #hasStopped(part) {
    return part.isEmpty || (this.#gain === 0 && (this.#isHeld || part.isLeaving));
  }

  /** @param {Part} part */
  #fade(part) {
    const change = this.#isHeld || part.isLeaving ? -1 : 1;
    this.#gain = Math.max(0, Math.min(1, this.#gain + change / FADE_SAMPLES));
    return this.#gain;
  }

  /** @param {Part} part */
  #tellStopped(part) {
    if (part.isSounding) this.#report(part, false);
  }

  /**
   * @param {Part} part
   * @param {boolean} isPlaying
   */
  #report(part, isPlaying) {
    part.isSounding = isPlaying;
    part.reported = part.played;
    this.port.postMessage({ turn: part.turn, playedMs: (part.played * 1000) / sampleRate, isPlaying });
  }
}

registerProcessor("playback", Playback);
