// @ts-check
/** The loudspeaker: takes the agent's sound as it comes, and says how much of it was played. */

import { Resampler } from "./resampler.js";

/** The longest piece that is made ready at once. */
const PIECE_SAMPLES = 4096;
const FULL_SCALE = 32_768;
/** More than the filter holds back. */
const TAIL_SAMPLES = 64;

/** @typedef {{turn: string, playedMs: number, isPlaying: boolean}} Played */

export class Player {
  #context;
  #node;
  #meter;
  #samples = new Float32Array(1024);
  /** The turn that sound comes for, and what brings it to the loudspeaker's rate. */
  #turn = "";
  /** @type {Resampler | null} */
  #resampler = null;

  /**
   * @param {AudioContext} context That has the worklet.
   * @param {(played: Played) => void} report Is told five times a second, and when it stops.
   */
  constructor(context, report) {
    this.#context = context;
    this.#node = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => report(data);
    this.#node.connect(context.destination);
    this.#meter = new AnalyserNode(context, { fftSize: 1024 });
    this.#node.connect(this.#meter);
  }

  /**
   * A turn's sound comes, from a place of it on; what is held beyond that place is thrown away.
   *
   * @param {string} turn
   * @param {number} sampleRateHz
   * @param {number} offsetMs
   */
  begin(turn, sampleRateHz, offsetMs) {
    this.#turn = turn;
    this.#resampler = new Resampler(sampleRateHz, this.#context.sampleRate, PIECE_SAMPLES);
    this.#node.port.postMessage({ type: "begin", turn, offsetMs });
  }

  /**
   * @param {string} turn
   * @param {Int16Array} pcm
   */
  play(turn, pcm) {
    if (turn !== this.#turn) return;
    for (let start = 0; start < pcm.length; start += PIECE_SAMPLES) {
      this.#send(Float32Array.from(pcm.subarray(start, start + PIECE_SAMPLES), (sample) => sample / FULL_SCALE));
    }
  }

  /** All of a turn has come. @param {string} turn */
  end(turn) {
    if (turn === this.#turn) this.#send(new Float32Array(TAIL_SAMPLES));
    this.#turn = "";
  }

  /** Throws a turn's sound away, or all. @param {string | null} turn */
  drop(turn) {
    if (turn === null || turn === this.#turn) this.#turn = "";
    this.#node.port.postMessage({ type: "drop", turn });
  }

  /** Holds the sound where it is, or lets it go on. @param {boolean} isHeld */
  hold(isHeld) {
    this.#node.port.postMessage({ type: "hold", isHeld });
  }

  /** How loud it is now, from 0 to 1. */
  get level() {
    this.#meter.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return Math.sqrt(sum / this.#samples.length);
  }

  close() {
    this.#node.port.onmessage = null;
    this.#node.port.postMessage({ type: "close" });
    this.#node.disconnect();
  }

  /** @param {Float32Array} input */
  #send(input) {
    const resampler = this.#resampler;
    if (!resampler) return;
    const output = new Float32Array(resampler.room(input.length));
    const samples = output.subarray(0, resampler.push(input, output));
    this.#node.port.postMessage({ type: "sound", turn: this.#turn, samples }, [output.buffer]);
  }
}
