/** The page's sound without a browser: rates, what is played when, and how long things took. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AgentVoice } from "../../static/agent-voice.js";
import { Stopwatch } from "../../static/latency.js";
import { Resampler } from "../../static/resampler.js";

const BLOCK = 128;

// Rates

/** A tone, brought to another rate in pieces; without its first and last moments. */
function resampledTone(fromHz, toHz, toneHz) {
  const resampler = new Resampler(fromHz, toHz, BLOCK);
  const output = new Float32Array(resampler.room(BLOCK));
  const heard = [];
  for (let block = 0; block < 200; block += 1) {
    const input = Float32Array.from({ length: BLOCK }, (_, n) => Math.sin((2 * Math.PI * toneHz * (block * BLOCK + n)) / fromHz));
    heard.push(...output.subarray(0, resampler.push(input, output)));
  }
  return heard.slice(200, -200);
}

const loudness = (samples) => Math.sqrt((2 * samples.reduce((sum, x) => sum + x * x, 0)) / samples.length);

for (const [fromHz, toHz] of [[48000, 16000], [44100, 16000], [24000, 48000], [24000, 44100], [16000, 16000]]) {
  test(`a tone stays as it is from ${fromHz} to ${toHz} Hz, and as long`, () => {
    const heard = resampledTone(fromHz, toHz, 440);

    assert.ok(Math.abs(loudness(heard) - 1) < 0.01);
    assert.ok(Math.abs(heard.length + 400 - (200 * BLOCK * toHz) / fromHz) < 60);
    const crossings = heard.filter((sample, n) => n > 0 && sample >= 0 && heard[n - 1] < 0).length;
    assert.ok(Math.abs(crossings - (440 * heard.length) / toHz) <= 1);
  });
}

test("what the lower rate cannot hold is taken out, not folded down", () => {
  for (const toneHz of [9_500, 12_000, 15_000, 20_000]) assert.ok(loudness(resampledTone(48000, 16000, toneHz)) < 0.01);
});

test("a constant keeps its value to the last bit of a sample", () => {
  const resampler = new Resampler(44100, 16000, BLOCK);
  const output = new Float32Array(resampler.room(BLOCK));
  for (let n = 0; n < 5; n += 1) resampler.push(new Float32Array(BLOCK).fill(0.5), output);

  const count = resampler.push(new Float32Array(BLOCK).fill(0.5), output);

  for (const sample of output.subarray(0, count)) assert.equal(Math.round(sample * 32768), 16384);
});

// The loudspeaker's worklet

const RATE = 1000;
const FADE = RATE * 0.02;

/** The processor, in a world where a sample is a millisecond. */
async function playback() {
  const told = [];
  let Processor;
  globalThis.sampleRate = RATE;
  globalThis.AudioWorkletProcessor = class {
    port = { postMessage: (message) => told.push(message) };
  };
  globalThis.registerProcessor = (_, processor) => (Processor = processor);
  await import(`../../static/worklets/playback.js?${Math.random()}`);
  const processor = new Processor({});
  return {
    told,
    does: (message) => processor.port.onmessage({ data: message }),
    adds: (turn, length, value = 1) =>
      processor.port.onmessage({ data: { type: "sound", turn, samples: new Float32Array(length).fill(value) } }),
    /** So many samples, as the loudspeaker has them. */
    plays(samples) {
      const heard = [];
      for (; samples > 0; samples -= BLOCK) {
        const output = new Float32Array(Math.min(samples, BLOCK));
        processor.process([], [[output]]);
        heard.push(...output);
      }
      return heard;
    },
  };
}

const rounded = (told) => told.map(({ turn, playedMs, isPlaying }) => [turn, playedMs, isPlaying]);

test("sound is played as it came, and reported when it begins, each 200 ms and when it stops", async () => {
  const { does, adds, plays, told } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  adds("a", 300, 0.5);
  adds("a", 150, 0.25);

  const heard = plays(1000);

  assert.deepEqual([heard.indexOf(0.25), heard.lastIndexOf(0.25), heard[450]], [300, 449, 0]);
  assert.deepEqual(rounded(told), [["a", 1, true], ["a", 201, true], ["a", 401, true], ["a", 450, false]]);
});

test("a dropped turn fades and is silent, and what comes of it later is not played", async () => {
  const { does, adds, plays, told } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  adds("a", 5000);
  plays(BLOCK);

  does({ type: "drop", turn: "a" });
  adds("a", 500);
  const heard = plays(1000);

  assert.ok(heard.slice(0, FADE).every((sample, n) => n === 0 || sample < heard[n - 1]));
  assert.ok(heard.slice(FADE).every((sample) => sample === 0));
  assert.deepEqual(rounded(told).at(-1), ["a", BLOCK + FADE, false]);
});

test("a ducked voice holds where it is, and goes on from there", async () => {
  const { does, adds, plays, told } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  adds("a", 1000);
  plays(BLOCK);

  does({ type: "hold", isHeld: true });
  const held = plays(1000);
  const stoppedAt = rounded(told).at(-1);
  does({ type: "hold", isHeld: false });
  const after = plays(2000);

  assert.ok(held.slice(FADE).every((sample) => sample === 0));
  assert.deepEqual(stoppedAt, ["a", BLOCK + FADE, false]);
  assert.equal(after.filter((sample) => sample > 0).length, 1000 - BLOCK - FADE);
  assert.deepEqual(rounded(told).at(-1), ["a", 1000, false]);
});

test("an interruption while ducked makes no sound at all", async () => {
  const { does, adds, plays } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  adds("a", 1000);
  does({ type: "hold", isHeld: true });
  plays(500);

  does({ type: "drop", turn: "a" });
  does({ type: "hold", isHeld: false });

  assert.ok(plays(1000).every((sample) => sample === 0));
});

test("what is held beyond the offset of a new announcement is thrown away", async () => {
  const { does, adds, plays, told } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  adds("a", 100, 0.1);
  adds("a", 400, 0.2);
  plays(BLOCK);

  does({ type: "begin", turn: "a", offsetMs: 150 });
  adds("a", 50, 0.3);
  const heard = plays(500);

  assert.deepEqual(heard.filter((sample) => sample > 0).length, 150 - BLOCK + 50);
  assert.equal(heard[150 - BLOCK].toFixed(1), "0.3");
  assert.deepEqual(rounded(told).at(-1), ["a", 200, false]);
});

test("sound that goes on at an earlier place is counted from there", async () => {
  const { does, adds, plays, told } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  adds("a", 400);
  plays(300);

  does({ type: "begin", turn: "a", offsetMs: 250 });
  adds("a", 100);
  plays(500);

  assert.deepEqual(rounded(told).at(-1), ["a", 350, false]);
});

test("the next turn waits for the one before, and is held no longer than it must be", async () => {
  const { does, adds, plays, told } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  adds("a", 200, 0.1);
  does({ type: "begin", turn: "b", offsetMs: 0 });
  adds("b", 100, 0.2);

  const heard = plays(400);

  assert.deepEqual([heard[199].toFixed(1), heard[200].toFixed(1), heard[300]], ["0.1", "0.2", 0]);
  assert.deepEqual(rounded(told).at(-1), ["b", 100, false]);
});

test("no more is held than the server may send", async () => {
  const { does, adds, plays } = await playback();
  does({ type: "begin", turn: "a", offsetMs: 0 });
  for (let n = 0; n < 30; n += 1) adds("a", 1000);

  assert.equal(plays(20_000).filter((sample) => sample > 0).length, 10_000);
});

// The agent's side

/** The agent's voice with a loudspeaker that notes what it is told. */
function agentVoice() {
  const client = Object.assign(new EventTarget(), { reports: [] });
  client.reportPlayback = (...report) => client.reports.push(report);
  const voice = new AgentVoice(client, new Stopwatch(new EventTarget()), () => {});
  voice.isOn = true;
  const told = [];
  voice.player = new Proxy({}, { get: (_, call) => (...values) => told.push([call, ...values]) });
  const hears = (type, detail) => client.dispatchEvent(new CustomEvent(type, { detail }));
  const begins = (turn_id, offset_ms = 0) => hears("audio_started", { turn_id, sample_rate_hz: 24000, offset_ms });
  return { voice, told, hears, begins, reports: client.reports };
}

test("a turn that ended while it was ducked does not silence the next one", () => {
  const { told, hears, begins } = agentVoice();
  begins("a");
  hears("playback_hint", { turn_id: "a", action: "duck" });
  begins("a", 120);
  const before = told.length;

  begins("b");

  assert.deepEqual(told.slice(0, before).filter(([call]) => call === "hold"), [["hold", false], ["hold", true]]);
  assert.deepEqual(told.slice(before), [["hold", false], ["begin", "b", 24000, 0]]);
});

test("what was played is reported of the turn that sounds, and in its own session alone", () => {
  const { voice, hears, begins, reports } = agentVoice();
  begins("a");
  voice.report({ turn: "a", playedMs: 200, isPlaying: true });
  hears("interrupted", { turn_id: "a" });
  voice.report({ turn: "a", playedMs: 310, isPlaying: false });
  begins("b");
  voice.report({ turn: "a", playedMs: 320, isPlaying: false });
  hears("open", { isResumed: false });
  voice.report({ turn: "b", playedMs: 20, isPlaying: false });

  assert.deepEqual(reports, [["a", 200], ["a", 310]]);
});

test("the agent speaks until all has come and been played, or it was stopped", () => {
  const { voice, hears, begins } = agentVoice();
  const isSpeaking = [];
  const played = (isPlaying) => {
    voice.report({ turn: "a", playedMs: 0, isPlaying });
    isSpeaking.push(voice.isSpeaking);
  };

  begins("a");
  played(true);
  played(false);
  played(true);
  hears("audio_complete", { turn_id: "a" });
  played(false);

  assert.deepEqual(isSpeaking, [true, true, true, false]);
});

// How long it took

const TIMINGS = { queued: 2, first_token: 100, first_audio: 700, total: 3000 };

test("a spoken turn is timed from the user's last sound to the agent's first", () => {
  const watch = new Stopwatch(new EventTarget());
  for (const now of [0, 20, 40]) watch.hear(0.001, now);
  watch.hear(0.2, 1000);
  for (const now of [1020, 1040]) watch.hear(0.001, now);
  watch.understand("utt-1", 1600);
  watch.accept("utt-1", "turn-1");
  watch.sound("turn-1", 2350);
  watch.sound("turn-1", 9999);

  const { stages, totalMs, key, keyMs } = watch.times("turn-1", TIMINGS);

  assert.deepEqual(stages.map(({ stage, fromMs, toMs }) => [stage, fromMs, toMs]), [
    ["understood", 0, 600], ["queued", 600, 602], ["model", 602, 702], ["voice", 702, 1302], ["sound", 1302, 1350],
  ]);
  assert.deepEqual([totalMs, key, keyMs], [3600, "times.sound", 1350]);
});

test("a written turn has the stages that the server tells", () => {
  const watch = new Stopwatch(new EventTarget());

  const { stages, key, keyMs } = watch.times("turn-1", { queued: 0, first_token: 180, first_audio: null, total: 420 });

  assert.deepEqual(stages, [{ stage: "model", fromMs: 0, toMs: 180 }]);
  assert.deepEqual([key, keyMs], ["times.word", 180]);
});

test("a steady noise after the words is not taken for words", () => {
  const watch = new Stopwatch(new EventTarget());
  for (let now = 0; now < 10_000; now += 20) watch.hear(0.05, now);
  watch.hear(0.3, 10_000);
  for (let now = 10_020; now < 10_500; now += 20) watch.hear(0.05, now);
  watch.understand("utt-1", 10_500);
  watch.accept("utt-1", "turn-1");

  assert.equal(watch.times("turn-1", TIMINGS).stages[0].toMs, 500);
});

test("where a button is held, letting go of it is the end of the words", () => {
  const watch = new Stopwatch(new EventTarget());
  watch.hear(0.3, 10_000);
  watch.release(10_500);
  watch.understand("utt-1", 11_000);
  watch.accept("utt-1", "turn-1");

  assert.equal(watch.times("turn-1", TIMINGS).stages[0].toMs, 500);
});
