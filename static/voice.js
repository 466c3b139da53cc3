// @ts-check
/** Talking aloud: what the buttons do, and who speaks now. */

import { AgentVoice } from "./agent-voice.js";
import { Stopwatch } from "./latency.js";
import { NoMicrophone, RATE_HZ } from "./microphone.js";
import { store, stored } from "./preferences.js";
import { Sound } from "./sound.js";
import { UserSpeech } from "./user-speech.js";
import { VoiceBar } from "./voice-bar.js";
import { VoiceSettings } from "./voice-settings.js";
import { followVoice } from "./voice-status.js";
import { waterfall } from "./waterfall.js";

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {import("./user-speech.js").Mode} Mode */

export class Voice {
  #client;
  #bar;
  #user;
  #agent;
  #settings;
  #isMuted = false;
  /** @type {Sound | null} */
  #sound = null;
  #isOpening = false;
  /** What the system has taken of it. @type {import("./sound.js").Taken | null} */
  #taken = null;
  /** A server without a synthesiser hears all the same. */
  #serverSpeaks = true;

  /**
   * @param {VoiceAgentClient} client
   * @param {(turn: string, times: HTMLElement) => void} showTimes
   */
  constructor(client, showTimes) {
    this.#client = client;
    const watch = new Stopwatch(client);
    const mode = stored("turn-detection") === "manual" ? "manual" : "auto";
    this.#user = new UserSpeech(client, watch, mode, () => this.#showWho());
    this.#agent = new AgentVoice(client, watch, stored("speaker") !== "off", () => this.#showWho());
    this.#bar = new VoiceBar({
      toggle: () => void (this.#sound ? this.#end() : this.#begin()),
      choose: (chosen) => this.#choose(chosen),
      mute: (isMuted) => this.#mute(isMuted),
      speak: (isOn) => this.#speak(isOn),
      press: () => this.#press(),
      release: () => this.#release(),
    });
    this.#settings = new VoiceSettings({
      listenTo: (deviceId) => void this.#listenTo(deviceId),
      playOn: (deviceId) => void this.#sound?.playOn(deviceId),
      speakAt: (speed) => client.updateSession({ speed }),
    });
    this.#bar.showMode(mode);
    this.#bar.showSpeaker(this.#agent.isOn);
    this.#follow(watch, showTimes);
  }

  /**
   * @param {Stopwatch} watch
   * @param {(turn: string, times: HTMLElement) => void} showTimes
   */
  #follow(watch, showTimes) {
    const client = this.#client;
    // A server that was started again may have another voice, or none.
    const follow = () => void followVoice((state) => this.#showServer(state));
    client.addEventListener("open", follow);
    client.addEventListener("error", ({ detail }) => {
      if (detail.code === "not_available" && this.#sound) this.#end();
      else if (detail.code === "voice_loading") this.#showWho();
    });
    client.addEventListener("features", ({ detail: { features } }) => {
      if (this.#sound && !features.includes("audio_in")) this.#end();
      this.#showWho();
      follow();
    });
    client.addEventListener("complete", ({ detail: { turn_id: turn, timings_ms: timings } }) => {
      if (timings) showTimes(turn, waterfall(watch.times(turn, timings)));
    });
    for (const type of /** @type {const} */ (["state", "turn", "complete", "open"])) {
      client.addEventListener(type, () => this.#showWho());
    }
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#showDevices());
  }

  /** @param {import("./voice-status.js").VoiceState} state */
  #showServer(state) {
    // What still loads is asked for, and comes by itself.
    this.#serverSpeaks = ["ready", "degraded", "loading"].includes(state.out?.status ?? state.status);
    this.#bar.showServer(state);
  }

  async #begin() {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#bar.clearNote();
    try {
      this.#sound = await Sound.open(stored("microphone") ?? "", {
        heard: (pcm, level) => {
          this.#bar.showLevels(level, this.#agent.isSpeaking ? (this.#sound?.player.level ?? 0) : 0);
          this.#user.hear(pcm, level);
        },
        played: (played) => this.#agent.report(played),
        taken: (taken) => this.#take(taken),
        lost: () => this.#lost(),
      });
      this.#agent.player = this.#sound.player;
      // The microphone listens already: what it hears may not leave before sound was agreed on.
      this.#tellServer();
      if (this.#settings.speed !== 1) this.#client.updateSession({ speed: this.#settings.speed });
      await this.#sound.playOn(this.#settings.loudspeaker);
      if (!this.#sound) return;
      this.#bar.showOn(true);
      this.#showWho();
      await this.#showDevices();
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      this.#bar.showTrouble(error.key);
    } finally {
      this.#isOpening = false;
    }
  }

  #end() {
    this.#bar.showOn(false);
    this.#user.stop();
    this.#agent.hush();
    this.#agent.player = null;
    this.#sound?.close();
    this.#sound = null;
    this.#taken = null;
    this.#isMuted = false;
    this.#bar.showMuted(false);
    this.#tellServer();
  }

  /** The talk goes on; the user is not heard. @param {boolean} isMuted */
  #mute(isMuted) {
    this.#isMuted = isMuted;
    this.#sound?.mute(isMuted);
    this.#bar.showMuted(isMuted);
    this.#showWho();
  }

  /** @param {import("./sound.js").Taken | null} taken */
  #take(taken) {
    this.#taken = taken;
    this.#showWho();
    if (!taken) void this.#showDevices();
  }

  #lost() {
    this.#end();
    this.#bar.showTrouble("mic.lost");
  }

  /** @param {Mode} mode */
  #choose(mode) {
    this.#user.mode = mode;
    if (mode === "manual") this.#mute(false);
    store("turn-detection", mode);
    this.#bar.showMode(mode);
    this.#bar.clearNote();
    this.#tellServer();
    this.#showWho();
  }

  /** @param {boolean} isOn */
  #speak(isOn) {
    this.#agent.isOn = isOn;
    store("speaker", isOn ? "on" : "off");
    this.#bar.showSpeaker(isOn);
    if (!isOn) this.#agent.hush();
    this.#tellServer();
  }

  /** @param {string} deviceId */
  async #listenTo(deviceId) {
    store("microphone", deviceId);
    try {
      await this.#sound?.change(deviceId);
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      this.#bar.showTrouble(error.key);
    }
    await this.#showDevices();
  }

  #press() {
    this.#bar.clearNote();
    this.#user.press();
    this.#showWho();
  }

  #release() {
    if (!this.#user.release()) this.#bar.showHint("talk.short");
    this.#showWho();
  }

  #tellServer() {
    const isOn = this.#sound !== null;
    /** @type {import("./voice-agent-client.js").AudioOptions} */
    const audio = { out: isOn && this.#agent.isOn && this.#serverSpeaks };
    if (isOn) Object.assign(audio, { in: { sample_rate_hz: RATE_HZ }, turn_detection: this.#user.mode });
    this.#client.updateSession({ audio });
  }

  #showWho() {
    if (!this.#bar) return;
    const resting = this.#user.mode === "manual" ? "hold" : this.#isMuted ? "silenced" : "ready";
    const agent = this.#client.state === "thinking" ? "thinking" : resting;
    const talking = this.#user.isSpeaking ? "user" : this.#agent.isSpeaking ? "agent" : agent;
    this.#bar.showWho(this.#taken ?? (this.#client.isVoiceLoading ? "loading" : talking));
  }

  async #showDevices() {
    if (this.#sound) await this.#settings.showDevices(this.#sound.deviceId);
  }
}
