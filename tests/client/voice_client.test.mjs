/** What the client library promises about speech and permission, in a world without a network or a clock. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CREATED, FakeStorage, resumed, world } from "./fakes.mjs";

const AUDIO = { in: { sample_rate_hz: 16000 }, out: true, turn_detection: "auto" };
const HISTORY = { type: "history", messages: [], turn: null, tools: [] };
const sounds = (seq, turn_id, offset_ms = 0) => ({
  type: "audio_started", seq, turn_id, format: "pcm16", sample_rate_hz: 24000, offset_ms,
});
const frame = (...samples) => ({ data: new Int16Array(samples).buffer });

// What is said

test("a session begins with the sound and the voice that were chosen", () => {
  const { client, last } = world({ audio: AUDIO, voice: "ef_dora" });

  client.connect();
  last().happens("open");

  assert.deepEqual(last().sent, [{ type: "start", user_id: "ana", voice: "ef_dora", audio: AUDIO }]);
  assert.equal(last().binaryType, "arraybuffer");
});

test("a speed, which the opening has no place for, follows it", () => {
  const { begins } = world({ audio: AUDIO, speed: 1.2 });

  const socket = begins();

  assert.deepEqual(socket.sent.slice(1), [{ type: "session_update", audio: AUDIO, speed: 1.2 }]);
});

test("sound and the words about it leave in their order", () => {
  const { client, begins } = world();
  const socket = begins();

  client.updateSession({ audio: { ...AUDIO, turn_detection: "manual" } });
  const hasLeft = client.sendAudio(new Int16Array([1, 2]));
  client.sendAudio(new ArrayBuffer(4));
  client.commitAudio();
  client.clearAudio();
  client.reportPlayback("turn-1", 199.6);
  client.approveTool("call-1", true);

  assert.equal(hasLeft, true);
  assert.deepEqual(socket.sent.slice(1).map((said) => said.type ?? said.byteLength), [
    "session_update", 4, 4, "audio_commit", "audio_clear", "playback", "approve_tool",
  ]);
  assert.deepEqual(socket.sent.at(-2), { type: "playback", turn_id: "turn-1", played_ms: 200 });
  assert.deepEqual(socket.sent.at(-1), { type: "approve_tool", call_id: "call-1", approved: true });
});

test("sound that cannot leave at once is thrown away", () => {
  const { client, begins, returns } = world({ audio: AUDIO });
  assert.equal(client.sendAudio(new Int16Array(320)), false);
  const socket = begins();

  socket.bufferedAmount = 100_000;
  assert.equal(client.sendAudio(new Int16Array(320)), false);
  socket.bufferedAmount = 0;
  // The browser has begun to close it, and has not said so yet.
  for (const state of [0, 2, 3]) {
    socket.readyState = state;
    assert.equal(client.sendAudio(new Int16Array(320)), false);
    client.commitAudio();
  }
  socket.readyState = 1;
  assert.equal(client.sendAudio(new Int16Array(320)), true);
  socket.happens("close", { code: 1006 });
  assert.equal(client.sendAudio(new Int16Array(320)), false);
  client.commitAudio();
  const next = returns(1006, resumed());

  assert.deepEqual(socket.sent.length, 2);
  assert.deepEqual(next.sent.map((said) => said.type), ["resume"]);
});

test("what was changed while there was no connection is said once, all together", () => {
  const { client, begins, returns } = world();
  begins().happens("close", { code: 1006 });

  client.updateSession({ audio: AUDIO });
  client.updateSession({ locale: "en", speed: undefined });
  client.approveTool("call-1", false);
  const next = returns(1006, resumed());

  assert.deepEqual(next.sent.slice(1), [
    { type: "session_update", audio: AUDIO, locale: "en" },
    { type: "approve_tool", call_id: "call-1", approved: false },
  ]);
});

test("what is chosen while a session is being made is said when it is there", () => {
  const { client, last } = world();
  client.connect();
  last().happens("open");

  client.updateSession({ audio: AUDIO });
  last().hears(CREATED);

  assert.deepEqual(last().sent.slice(1), [{ type: "session_update", audio: AUDIO }]);
});

// What is heard

test("frames belong to the turn whose sound was announced last", () => {
  const { begins, of } = world();
  const socket = begins();

  socket.happens("message", frame(9));
  socket.hears(sounds(2, "turn-1"));
  socket.happens("message", frame(1, 2));
  socket.hears({ type: "audio_complete", seq: 3, turn_id: "turn-1" });
  socket.happens("message", frame(9));
  socket.hears(sounds(4, "turn-2", 300));
  socket.happens("message", frame(3));
  socket.happens("message", { data: new ArrayBuffer(3) });
  socket.hears({ type: "interrupted", seq: 5, turn_id: "turn-2", heard: "" });
  socket.happens("message", frame(9));

  assert.deepEqual(
    of("audio").map(({ turnId, sampleRateHz, pcm }) => [turnId, sampleRateHz, ...pcm]),
    [["turn-1", 24000, 1, 2], ["turn-2", 24000, 3]],
  );
  assert.equal(of("audio_started")[1].offset_ms, 300);
});

test("speech, hints and questions for permission are told as they came", () => {
  const { begins, of } = world();
  const socket = begins();
  const messages = [
    { type: "speech_started", utterance_id: "utt-1" },
    { type: "transcript", utterance_id: "utt-1", content: "Qué", final: false, language: "es" },
    { type: "speech_stopped", utterance_id: "utt-1", empty: false },
    { type: "playback_hint", turn_id: "turn-1", action: "duck" },
    { type: "approval_requested", call_id: "call-1", name: "pay", arguments: { sum: 3 }, expires_in_s: 60 },
  ];

  messages.forEach((message, index) => socket.hears({ ...message, seq: index + 2 }));

  for (const [index, message] of messages.entries()) {
    assert.deepEqual(of(message.type), [{ ...message, seq: index + 2 }]);
  }
  assert.deepEqual(of("message"), []);
});

// Drops

test("a short drop costs the sound nothing", () => {
  const { begins, returns } = world({ audio: AUDIO });
  begins();

  const next = returns(1006, resumed());

  assert.deepEqual(next.sent.map((said) => said.type), ["resume"]);
});

test("a server that has lost messages is told again what sound there is, after its history", () => {
  const { begins, returns } = world({ audio: AUDIO, speed: 1.1, voice: "ef_dora" });
  begins();

  const next = returns(1012, resumed({ gap: true, next_seq: 9 }));
  assert.equal(next.sent.length, 1);
  next.hears(HISTORY);

  assert.deepEqual(next.sent.slice(1), [
    { type: "session_update", audio: AUDIO, voice: "ef_dora", speed: 1.1 },
  ]);
});

test("a session that stands in for another begins with the same sound", () => {
  const { client, begins, returns } = world();
  begins();
  client.updateSession({ audio: AUDIO });

  const next = returns(1006, { type: "error", code: "resume_refused", content: "No.", retryable: false });

  assert.deepEqual(next.sent.at(-1), { type: "start", user_id: "ana", audio: AUDIO });
});

test("frames after a drop wait for their announcement", () => {
  const { begins, returns, of } = world({ audio: AUDIO });
  begins().hears(sounds(2, "turn-1"));

  const next = returns(1006, resumed({ next_seq: 3 }));
  next.happens("message", frame(1));
  next.hears(sounds(3, "turn-1", 120));
  next.happens("message", frame(2));

  assert.deepEqual(of("audio").map(({ pcm }) => [...pcm]), [[2]]);
});

test("a page that was loaded again takes back the sound that it no longer has", () => {
  const storage = new FakeStorage();
  world({ storage, audio: AUDIO }).begins();
  const { client, last } = world({ storage });

  client.connect();
  last().happens("open");
  last().hears(resumed());

  assert.deepEqual(last().sent.slice(1), [{ type: "session_update", audio: { out: false } }]);
});

test("a page that was loaded again and never had sound says nothing of it", () => {
  const storage = new FakeStorage();
  world({ storage }).begins();
  const { client, last } = world({ storage });

  client.connect();
  last().happens("open");
  last().hears(resumed());

  assert.equal(last().sent.length, 1);
});

// Speech that still loads

const LOADING = { type: "error", seq: 2, code: "voice_loading", content: "Wait.", retryable: true };
const features = (seq, ...names) => ({ type: "features", seq, features: names });

test("sound that was refused while speech loads is asked for again when it is there", () => {
  const { client, begins, of } = world({ audio: AUDIO, voice: "ef_dora" });
  const socket = begins();
  assert.equal(client.sendAudio(new Int16Array(320)), true);

  socket.hears(LOADING);
  const early = [client.isVoiceLoading, client.sendAudio(new Int16Array(320))];
  socket.hears(features(3, "audio_in", "audio_out", "approval"));
  const later = [client.isVoiceLoading, client.sendAudio(new Int16Array(320))];

  assert.deepEqual([early, later], [[true, false], [false, true]]);
  assert.deepEqual(of("error").map(({ code }) => code), ["voice_loading"]);
  assert.deepEqual(of("features").map((told) => told.features), [["audio_in", "audio_out", "approval"]]);
  assert.deepEqual(socket.sent.slice(2, 3), [{ type: "session_update", audio: AUDIO, voice: "ef_dora" }]);
  assert.equal(socket.sent.length, 4);
});

for (const [names, audio] of [
  [["audio_in"], { in: AUDIO.in, out: false, turn_detection: "auto" }],
  [["audio_out"], { out: true, turn_detection: "auto" }],
  [[], { out: false, turn_detection: "auto" }],
]) {
  test(`of the sound that was chosen, what there is is asked for: ${names}`, () => {
    const { begins } = world({ audio: AUDIO });
    const socket = begins();

    socket.hears(LOADING, features(3, ...names));

    assert.deepEqual(socket.sent.slice(1), [{ type: "session_update", audio }]);
  });
}

test("who wants no sound is told of it and asks for none", () => {
  const { client, begins, of } = world();
  const socket = begins();
  client.updateSession({ audio: AUDIO });
  socket.hears(LOADING);
  client.updateSession({ audio: { out: false } });

  socket.hears(features(3, "audio_in", "audio_out"));

  assert.equal(of("features").length, 1);
  assert.deepEqual(socket.sent.slice(2), [{ type: "session_update", audio: { out: false } }]);
});

test("a server that was started again is asked at once, and again when it can", () => {
  const { client, begins, returns } = world({ audio: AUDIO });
  begins();
  const asked = { type: "session_update", audio: AUDIO };

  const next = returns(1012, resumed({ gap: true, next_seq: 1 }), HISTORY);
  next.hears({ ...LOADING, seq: 1 });
  client.sendAudio(new Int16Array(320));
  next.hears(features(2, "audio_in", "audio_out"));

  assert.deepEqual(next.sent.slice(1), [asked, asked]);
});

test("speech that came while the connection was gone is asked for when all is told, once", () => {
  const { client, begins, returns } = world({ audio: AUDIO });
  begins().hears(LOADING);

  const next = returns(1006, resumed({ replayed: 2, next_seq: 3 }), features(3, "audio_in", "audio_out"));
  assert.deepEqual(next.sent.map((said) => said.type), ["resume"]);
  next.hears({ type: "state", state: "idle", seq: 4 });

  assert.deepEqual(next.sent.slice(1), [{ type: "session_update", audio: AUDIO }]);
  assert.equal(client.sendAudio(new Int16Array(320)), true);
});

test("a drop while speech loads leaves the sound refused", () => {
  const { client, begins, returns } = world({ audio: AUDIO });
  begins().hears(LOADING);

  const next = returns(1006, resumed({ next_seq: 3 }));

  assert.equal(client.sendAudio(new Int16Array(320)), false);
  assert.deepEqual(next.sent.map((said) => said.type), ["resume"]);
});
