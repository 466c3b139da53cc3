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
import { stayAwake } from "./wake-lock.js";
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
  /** Whether the microphone is on. */
  #hears = false;
  /** Whether answers are spoken in a talk by voice. */
  #speaks = stored("speaker") !== "off";
  /** Whether they are read to somebody who writes. */
  #reads = stored("aloud") === "on";
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
    this.#agent = new AgentVoice(client, watch, () => this.#showWho());
    this.#bar = new VoiceBar({
      toggle: () => void (this.#hears ? this.#end() : this.#begin()),
      read: (isOn) => this.#read(isOn),
      choose: (chosen) => this.#choose(chosen),
      mute: (isMuted) => this.#mute(isMuted),
      speak: (isOn) => this.#speak(isOn),
      press: () => this.#press(),
      release: () => this.#release(),
    });
    this.#settings = new VoiceSettings({
      listenTo: (deviceId) => void this.#listenTo(deviceId),
      playOn: (deviceId) => void this.#sound?.playOn(deviceId),
      speakBy: (voice) => client.updateSession({ voice }),
      speakAt: (speed) => client.updateSession({ speed }),
    });
    this.#bar.showMode(mode);
    this.#bar.showSpeaker(this.#speaks);
    this.#bar.showReading(this.#reads);
    this.#follow(watch, showTimes);
    // Browsers let nothing sound before the page has been touched.
    for (const type of ["pointerdown", "keydown"]) {
      document.addEventListener(type, () => void this.#openLoudspeaker(), { capture: true });
    }
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
      if (detail.code === "not_available" && this.#hears) this.#end();
      else if (detail.code === "not_available" && this.#sound) this.#close();
      else if (detail.code === "voice_loading") this.#showWho();
    });
    client.addEventListener("features", ({ detail: { features } }) => {
      if (this.#hears && !features.includes("audio_in")) this.#end();
      this.#showWho();
      follow();
    });
    client.addEventListener("complete", ({ detail: { turn_id: turn, timings_ms: timings, usage } }) => {
      if (timings) showTimes(turn, waterfall(watch.times(turn, timings), usage));
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
    this.#bar.offerReading(this.#serverSpeaks);
    this.#settings.showVoices(state.voices ?? []);
    if (!this.#serverSpeaks && this.#sound && !this.#hears) this.#close();
    else if (navigator.userActivation?.hasBeenActive) void this.#openLoudspeaker();
  }

  async #begin() {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#bar.clearNote();
    try {
      const microphone = stored("microphone") ?? "";
      if (this.#sound) await this.#sound.change(microphone);
      else await this.#open(microphone);
      this.#hears = true;
      // The microphone listens already: what it hears may not leave before sound was agreed on.
      this.#tellServer();
      await this.#sound?.playOn(this.#settings.loudspeaker);
      if (!this.#sound || !this.#hears) return;
      this.#showBar();
      await this.#showDevices();
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      this.#bar.showTrouble(error.key);
    } finally {
      this.#isOpening = false;
    }
  }

  /** @param {string | null} microphone See `Sound.open`. */
  async #open(microphone) {
    const sound = await Sound.open(microphone, {
      heard: (pcm, level) => {
        this.#bar.showLevels(level, this.#agent.isSpeaking ? (this.#sound?.player.level ?? 0) : 0);
        this.#user.hear(pcm, level);
      },
      played: (played) => {
        if (!this.#hears) this.#bar.showLevels(0, played.isPlaying ? (this.#sound?.player.level ?? 0) : 0);
        this.#agent.report(played);
      },
      taken: (taken) => this.#take(taken),
      lost: () => this.#lost(),
    });
    this.#sound = sound;
    this.#agent.player = sound.player;
    const { voice, speed } = this.#settings;
    if (voice) this.#client.updateSession({ voice });
    if (speed !== 1) this.#client.updateSession({ speed });
    return sound;
  }

  /** Who writes, and wants to hear the answers, needs no microphone. */
  async #openLoudspeaker() {
    if (!this.#reads || !this.#serverSpeaks || this.#sound || this.#isOpening) return;
    this.#isOpening = true;
    try {
      const sound = await this.#open(null);
      this.#tellServer();
      await sound.playOn(this.#settings.loudspeaker);
      this.#showBar();
      await this.#showDevices();
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      this.#bar.showTrouble("aloud.failed");
    } finally {
      this.#isOpening = false;
    }
    if (!this.#reads && !this.#hears) this.#close();
  }

  /** The microphone is off; what is read aloud goes on. */
  #end() {
    this.#hears = false;
    this.#isMuted = false;
    this.#user.stop();
    this.#bar.showMuted(false);
    if (!this.#reads || !this.#serverSpeaks || !this.#sound) return this.#close();
    this.#sound.deafen();
    this.#showBar();
    this.#tellServer();
  }

  /** All sound ends. */
  #close() {
    this.#hears = false;
    this.#agent.hush();
    this.#agent.player = null;
    this.#sound?.close();
    this.#sound = null;
    this.#taken = null;
    this.#showBar();
    this.#tellServer();
  }

  #showBar() {
    this.#bar.showOn(this.#hears, this.#sound !== null);
    stayAwake(this.#hears);
    this.#showWho();
  }

  /** @param {boolean} isOn Whether answers are read to somebody who writes. */
  #read(isOn) {
    this.#reads = isOn;
    store("aloud", isOn ? "on" : "");
    this.#bar.showReading(isOn);
    this.#bar.clearNote();
    if (isOn) void this.#openLoudspeaker();
    else if (this.#sound && !this.#hears) this.#close();
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
    this.#speaks = isOn;
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
    this.#agent.isOn = this.#sound !== null && (this.#hears ? this.#speaks : this.#reads);
    /** @type {import("./voice-agent-client.js").AudioOptions} */
    const audio = { out: this.#agent.isOn && this.#serverSpeaks };
    if (this.#hears) Object.assign(audio, { in: { sample_rate_hz: RATE_HZ }, turn_detection: this.#user.mode });
    this.#client.updateSession({ audio });
  }

  #showWho() {
    if (!this.#bar) return;
    const resting = !this.#hears ? "reads" : this.#user.mode === "manual" ? "hold" : this.#isMuted ? "silenced" : "ready";
    const agent = this.#client.state === "thinking" ? "thinking" : resting;
    const talking = this.#user.isSpeaking ? "user" : this.#agent.isSpeaking ? "agent" : agent;
    this.#bar.showWho(this.#taken ?? (this.#client.isVoiceLoading ? "loading" : talking));
  }

  async #showDevices() {
    if (this.#sound) await this.#settings.showDevices(this.#sound.deviceId);
  }
}
