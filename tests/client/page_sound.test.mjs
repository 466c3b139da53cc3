/** The page's sound when the system takes it away and gives it back: no browser, and time moves when a test says so. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeTimers } from "./fakes.mjs";

const timers = new FakeTimers();
Object.assign(globalThis, { setTimeout: timers.setTimeout, clearTimeout: timers.clearTimeout });

const AGAIN_MS = 1000;

class Track extends EventTarget {
  isStopped = false;
  getSettings = () => ({ deviceId: "mic-1" });
  stop = () => void (this.isStopped = true);
  happens = (type) => this.dispatchEvent(new Event(type));
}

class FakeContext extends EventTarget {
  sampleRate = 48_000;
  destination = {};
  state = "suspended";
  /** Whether the system lets it run. */
  mayRun = true;
  resumed = 0;
  audioWorklet = { addModule: async () => {} };
  createMediaStreamSource = () => ({ connect() {}, disconnect() {} });
  close = async () => this.becomes("closed");
  resume = async () => {
    this.resumed += 1;
    if (!this.mayRun) throw new DOMException("in use", "InvalidStateError");
    this.becomes("running");
  };
  becomes(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("statechange"));
  }
}

class FakeNode {
  port = { postMessage() {} };
  connect() {}
  disconnect() {}
}

/** A page that talks, in a system that takes and gives. */
async function talking() {
  const told = [];
  const place = { told, tracks: [], contexts: [], refusal: null, asked: [] };
  const document = Object.assign(new EventTarget(), { hidden: false });
  place.document = document;
  const getUserMedia = async ({ audio }) => {
    place.asked.push(audio.deviceId?.ideal ?? "");
    if (place.refusal) throw new DOMException("no", place.refusal);
    const track = new Track();
    place.tracks.push(track);
    return { getTracks: () => [track] };
  };
  const made = class extends FakeContext {
    constructor() {
      super();
      place.contexts.push(this);
    }
  };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia } }, configurable: true });
  Object.assign(globalThis, { document, AudioContext: made, AudioWorkletNode: FakeNode, AnalyserNode: FakeNode });
  const { Sound } = await import("../../static/sound.js");
  place.sound = await Sound.open("mic-1", {
    heard() {},
    played() {},
    taken: (taken) => told.push(taken),
    // As the page does.
    lost: () => {
      told.push("lost");
      place.sound.close();
    },
  });
  place.context = place.contexts[0];
  return place;
}

/** Lets what was promised come true. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

for (const state of ["interrupted", "suspended"]) {
  test(`sound that is ${state} is told once, asked for until it comes, and told to be back`, async () => {
    const { context, told } = await talking();
    const before = context.resumed;

    context.mayRun = false;
    context.becomes(state);
    timers.pass(3 * AGAIN_MS);
    await settled();
    const during = [...told];
    context.mayRun = true;
    timers.pass(AGAIN_MS);
    await settled();
    const tries = context.resumed - before;
    timers.pass(5 * AGAIN_MS);

    assert.deepEqual(during, ["paused"]);
    assert.deepEqual(told, ["paused", null]);
    assert.equal(tries, 5);
    assert.equal(context.resumed - before, tries);
  });
}

for (const type of ["visibilitychange", "pointerdown"]) {
  test(`sound is asked for at once at a ${type}`, async () => {
    const { context, document, told } = await talking();
    context.mayRun = false;
    context.becomes("interrupted");
    await settled();

    context.mayRun = true;
    document.dispatchEvent(new Event(type));
    await settled();

    assert.deepEqual(told, ["paused", null]);
  });
}

test("a microphone that is muted is told, and told to be back", async () => {
  const { tracks, told, asked } = await talking();

  tracks[0].happens("mute");
  timers.pass(5 * AGAIN_MS);
  tracks[0].happens("unmute");

  assert.deepEqual(told, ["muted", null]);
  assert.deepEqual(asked, ["mic-1"]);
});

test("a microphone that has ended is asked for again, the same if it is there", async () => {
  const { tracks, told, asked } = await talking();

  tracks[0].happens("ended");
  await settled();
  tracks[0].happens("mute");
  timers.pass(5 * AGAIN_MS);

  assert.deepEqual(told, ["gone", null]);
  assert.deepEqual(asked, ["mic-1", "mic-1"]);
  assert.deepEqual(tracks.map((track) => track.isStopped), [true, false]);
});

test("a microphone that a phone call has is asked for until the call is over", async () => {
  const place = await talking();

  place.refusal = "NotReadableError";
  place.tracks[0].happens("ended");
  for (let n = 0; n < 3; n += 1) {
    await settled();
    timers.pass(AGAIN_MS);
  }
  await settled();
  const during = [...place.told];
  place.refusal = null;
  timers.pass(AGAIN_MS);
  await settled();

  assert.deepEqual(during, ["gone"]);
  assert.deepEqual(place.told, ["gone", null]);
  assert.equal(place.asked.length, 6);
});

test("a page that is not seen asks for its microphone when it is", async () => {
  const place = await talking();

  place.document.hidden = true;
  place.tracks[0].happens("ended");
  await settled();
  timers.pass(3 * AGAIN_MS);
  await settled();
  const before = place.asked.length;
  place.document.hidden = false;
  place.document.dispatchEvent(new Event("visibilitychange"));
  await settled();

  assert.equal(before, 1);
  assert.deepEqual(place.told, ["gone", null]);
});

for (const refusal of ["NotFoundError", "NotAllowedError"]) {
  test(`a microphone that ended and cannot be had is lost: ${refusal}`, async () => {
    const place = await talking();

    place.refusal = refusal;
    place.tracks[0].happens("ended");
    await settled();

    assert.deepEqual(place.told, ["gone", "lost"]);
  });
}

test("what is taken by ourselves is told to nobody, and nothing of it comes back", async () => {
  const place = await talking();

  place.sound.close();
  await settled();
  timers.pass(5 * AGAIN_MS);
  place.document.dispatchEvent(new Event("visibilitychange"));
  await settled();

  assert.deepEqual(place.told, []);
  assert.equal(place.context.state, "closed");
  assert.equal(place.context.resumed, 1);
  assert.deepEqual(place.tracks.map((track) => track.isStopped), [true]);
});

test("a microphone that comes when nobody talks any more is given back", async () => {
  const place = await talking();

  place.tracks[0].happens("ended");
  place.sound.close();
  await settled();

  assert.deepEqual(place.tracks.map((track) => track.isStopped), [true, true]);
  assert.deepEqual(place.told, ["gone"]);
});

test("of several things that are gone, one is told at a time", async () => {
  const { context, tracks, told } = await talking();

  context.mayRun = false;
  context.becomes("interrupted");
  tracks[0].happens("mute");
  await settled();
  context.mayRun = true;
  timers.pass(AGAIN_MS);
  await settled();
  tracks[0].happens("unmute");

  assert.deepEqual(told, ["paused", "muted", null]);
});
