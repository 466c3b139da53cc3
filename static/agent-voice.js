// @ts-check
/** The agent's side of talking aloud: its sound to the loudspeaker as the server says, and reports of what was played. */

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {import("./voice-agent-client.js").AudioStarted} AudioStarted */
/** @typedef {import("./player.js").Player} Player */

export class AgentVoice {
  #client;
  #watch;
  #changed;
  /** The turn whose sound came last. */
  #turn = "";
  /** Whether all of its sound has come. */
  #isWhole = false;
  /** Whether it is being said; it may have to wait for the server between two words. */
  isSpeaking = false;
  /** Whether answers are to be heard. */
  isOn = false;
  /** The loudspeaker, while there is one. @type {Player | null} */
  player = null;

  /**
   * @param {VoiceAgentClient} client
   * @param {import("./latency.js").Stopwatch} watch
   * @param {() => void} changed Whether the agent is heard.
   */
  constructor(client, watch, changed) {
    this.#client = client;
    this.#watch = watch;
    this.#changed = changed;
    client.addEventListener("audio_started", ({ detail }) => this.#begin(detail));
    client.addEventListener("audio", ({ detail }) => this.player?.play(detail.turnId, detail.pcm));
    client.addEventListener("audio_complete", ({ detail }) => this.#end(detail.turn_id));
    client.addEventListener("playback_hint", ({ detail }) => this.player?.hold(detail.action === "duck"));
    client.addEventListener("interrupted", ({ detail }) => {
      if (detail.turn_id !== null) this.#stop(detail.turn_id);
    });
    // What was said in another session is of no interest in this one, and may not be reported there.
    client.addEventListener("open", ({ detail }) => {
      if (!detail.isResumed) this.hush();
    });
  }

  /** @param {import("./player.js").Played} played */
  report({ turn, playedMs, isPlaying }) {
    if (turn !== this.#turn) return;
    this.#client.reportPlayback(turn, playedMs);
    this.isSpeaking = isPlaying || !this.#isWhole;
    if (isPlaying) this.#watch.sound(turn, performance.now());
    this.#changed();
  }

  /** Nothing of what is held sounds any more. */
  hush() {
    this.#turn = "";
    this.#stop(null);
    this.isSpeaking = false;
    this.#changed();
  }

  /** @param {AudioStarted} message */
  #begin({ turn_id: turn, sample_rate_hz: rateHz, offset_ms: offsetMs }) {
    if (!this.isOn || !this.player) return;
    // A turn that ended while it was ducked, by an error for one, takes its silence with it.
    if (turn !== this.#turn) this.player.hold(false);
    this.#turn = turn;
    this.#isWhole = false;
    this.player.begin(turn, rateHz, offsetMs);
  }

  /** @param {string} turn */
  #end(turn) {
    this.player?.end(turn);
    if (turn === this.#turn) this.#isWhole = true;
  }

  /** @param {string | null} turn Null: all. */
  #stop(turn) {
    if (turn === this.#turn) this.#isWhole = true;
    this.player?.drop(turn);
    this.player?.hold(false);
  }
}
