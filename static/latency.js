// @ts-check
/**
 * How long each stage of a turn took: what the server says, and what only this side knows, from the user's last sound
 * to the agent's first. No DOM. All moments are milliseconds of one clock.
 */

/** @typedef {"understood" | "queued" | "model" | "voice" | "sound"} StageName */
/** @typedef {{stage: StageName, fromMs: number, toMs: number}} Stage */
/** @typedef {{stages: Stage[], totalMs: number, key: import("./texts.js").TextKey, keyMs: number}} TurnTimes */
/** @typedef {{spokenAt: number, understoodAt: number, soundedAt: number | null}} Marks */

/** Quieter than this is silence on any microphone. */
const QUIET = 0.006;
/** How much louder than the room speech is. */
const OVER_ROOM = 3;
/** How fast the room is followed upwards, for each frame. */
const RISE = 1.01;
/** Turns whose sound may still begin. */
const KEPT = 32;

export class Stopwatch {
  #room = QUIET;
  #loudAt = 0;
  /** @type {Map<string, Marks>} */
  #utterances = new Map();
  /** @type {Map<string, Marks>} */
  #turns = new Map();

  /** @param {import("./voice-agent-client.js").VoiceAgentClient} client What is understood, and what comes of it. */
  constructor(client) {
    client.addEventListener("transcript", ({ detail }) => {
      if (detail.final) this.understand(detail.utterance_id, performance.now());
    });
    client.addEventListener("accepted", ({ detail }) => {
      if (detail.utterance_id) this.accept(detail.utterance_id, detail.turn_id);
    });
  }

  /**
   * @param {number} level Of a frame, from 0 to 1.
   * @param {number} now
   */
  hear(level, now) {
    if (level > Math.max(QUIET, this.#room * OVER_ROOM)) this.#loudAt = now;
    this.#room = Math.min(Math.max(level, QUIET / OVER_ROOM), this.#room * RISE);
  }

  /** The user has let go of the button: that is the end of what they say. @param {number} now */
  release(now) {
    this.#loudAt = now;
  }

  /**
   * @param {string} utterance
   * @param {number} now
   */
  understand(utterance, now) {
    const spokenAt = this.#loudAt || now;
    this.#keep(this.#utterances, utterance, { spokenAt, understoodAt: now, soundedAt: null });
  }

  /**
   * @param {string} utterance
   * @param {string} turn
   */
  accept(utterance, turn) {
    const marks = this.#utterances.get(utterance);
    if (marks) this.#keep(this.#turns, turn, marks);
    this.#utterances.delete(utterance);
  }

  /**
   * The turn is heard.
   *
   * @param {string} turn
   * @param {number} now
   */
  sound(turn, now) {
    const marks = this.#turns.get(turn);
    if (marks) marks.soundedAt ??= now;
  }

  /**
   * @param {string} turn
   * @param {import("./voice-agent-client.js").Timings} timings
   * @returns {TurnTimes}
   */
  times(turn, timings) {
    const marks = this.#turns.get(turn);
    this.#turns.delete(turn);
    const { queued, first_token: word, first_audio: voice, total } = timings;
    const understoodMs = marks ? marks.understoodAt - marks.spokenAt : 0;
    const beganMs = understoodMs + (queued ?? 0);
    const soundMs = marks?.soundedAt ? marks.soundedAt - marks.spokenAt : null;
    /** @type {[StageName, number | null][]} */
    const ends = [
      ["understood", marks ? understoodMs : null],
      ["queued", queued ? beganMs : null],
      ["model", word === null ? null : beganMs + word],
      ["voice", voice === null ? null : beganMs + voice],
      ["sound", soundMs],
    ];
    const totalMs = understoodMs + (total ?? 0);
    return { stages: waterfall(ends), totalMs, ...headline(soundMs, ends) ?? { key: "times.total", keyMs: totalMs } };
  }

  /**
   * @param {Map<string, Marks>} map
   * @param {string} id
   * @param {Marks} marks
   */
  #keep(map, id, marks) {
    map.set(id, marks);
    const [oldest] = map.keys();
    if (map.size > KEPT) map.delete(oldest);
  }
}

/**
 * Each stage begins where the one before has ended.
 *
 * @param {[StageName, number | null][]} ends
 */
function waterfall(ends) {
  /** @type {Stage[]} */
  const stages = [];
  let fromMs = 0;
  for (const [stage, endMs] of ends) {
    if (endMs === null) continue;
    const toMs = Math.max(fromMs, endMs);
    stages.push({ stage, fromMs, toMs });
    fromMs = toMs;
  }
  return stages;
}

/**
 * What the user waited for.
 *
 * @param {number | null} soundMs
 * @param {[StageName, number | null][]} ends
 * @returns {Pick<TurnTimes, "key" | "keyMs"> | null}
 */
function headline(soundMs, ends) {
  const [, , [, word], [, voice]] = ends;
  if (soundMs !== null || voice !== null) return { key: "times.sound", keyMs: soundMs ?? voice ?? 0 };
  return word === null ? null : { key: "times.word", keyMs: word };
}
