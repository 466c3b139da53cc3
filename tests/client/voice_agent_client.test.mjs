/** What the client library promises, in a world without a network or a clock. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { backOff, mayReturn, RETURNING_CODES, UNAUTHORIZED } from "../../static/voice-agent-client.js";
import { accepted, completed, CREATED, FakeStorage, resumed, world } from "./fakes.mjs";

const chunk = (seq, turn_id, content) => ({ type: "response_chunk", seq, turn_id, content });
const started = (seq, turn_id) => ({ type: "turn_started", seq, turn_id, source: "user" });
const code = (promise) => promise.then(() => "no error", (error) => error.code);

// A talk

test("no text is sent before there is a session", () => {
  const { client, last } = world({ locale: "en", token: "secret" });

  client.connect();
  client.say("hola");
  last().happens("open");
  assert.deepEqual(last().sent, [{ type: "start", user_id: "ana", locale: "en", token: "secret" }]);
  assert.deepEqual(last().protocols, ["voice-agent.v2"]);
  last().hears(CREATED);

  assert.deepEqual(last().texts, ["hola"]);
});

test("a text has its receipt and its answer", async () => {
  const { client, begins, of } = world();
  const socket = begins();

  const said = client.say("hola");
  socket.hears(accepted(2, said, "turn-1"), started(3, "turn-1"), chunk(4, "turn-1", "Ho"));
  assert.equal(client.turnId, "turn-1");
  socket.hears(chunk(5, "turn-1", "la"), completed(6, "turn-1", "Hola"));

  assert.deepEqual(await said.accepted, { turnId: "turn-1", durable: false });
  const answer = await said.done;
  assert.deepEqual([answer.text, answer.finishReason, answer.turnId], ["Hola", "stop", "turn-1"]);
  assert.equal(client.turnId, null);
  assert.equal(of("accepted")[0].content, "hola");
  assert.deepEqual(of("chunk").map((message) => message.content), ["Ho", "la"]);
});

test("a revision is sent and ends like a text", async () => {
  const { client, begins, of } = world();
  const socket = begins();
  const revised = client.revise("turn-1", "otro");
  assert.deepEqual(socket.sent.at(-1), { type: "revise", id: revised.id, turn_id: "turn-1", content: "otro" });
  const again = client.revise("turn-2");
  assert.deepEqual(socket.sent.at(-1), { type: "revise", id: again.id, turn_id: "turn-2" });

  socket.hears({ ...accepted(2, revised, "turn-3"), supersedes: ["turn-1", "turn-2"] }, completed(3, "turn-3", "Sí"));
  socket.hears({ type: "error", seq: 4, code: "unknown_turn", content: "No.", retryable: false, id: again.id });

  assert.deepEqual(of("accepted")[0].supersedes, ["turn-1", "turn-2"]);
  assert.equal((await revised.done).text, "Sí");
  assert.equal(await code(again.accepted), "unknown_turn");
  assert.throws(() => client.revise("turn-3", " "), TypeError);
});

test("an error ends the text that it names, by its id or by its turn", async () => {
  const { client, begins } = world();
  const socket = begins();
  const [full, broken] = [client.say("a"), client.say("b")];
  const error = { type: "error", content: "No.", retryable: true };

  socket.hears({ ...error, seq: 2, code: "queue_full", id: full.id }, accepted(3, broken, "turn-1"));
  socket.hears({ ...error, seq: 4, code: "llm_cut", turn_id: "turn-1" });

  assert.equal(await code(full.accepted), "queue_full");
  assert.equal(await code(broken.done), "llm_cut");
});

test("a text that the server could not read ends too", async () => {
  const { client, begins, of } = world();
  const socket = begins();
  const [large, small] = [client.say("x".repeat(99)), client.say("b")];

  socket.hears({ type: "error", seq: 2, code: "too_large", content: "No.", retryable: false });
  socket.hears(accepted(3, small, "turn-1"), completed(4, "turn-1", "Sí"));

  assert.equal(await code(large.done), "too_large");
  assert.equal(of("error")[0].id, large.id);
  assert.equal((await small.done).text, "Sí");
});

test("interruption, cancelling and language are said at once", () => {
  const { client, begins } = world();
  const socket = begins();

  client.interrupt("turn-1");
  client.cancelTool("call-1");
  client.updateSession({ locale: "en" });
  client.say("para", { interrupt: true, id: "c-1" });

  assert.deepEqual(socket.sent.slice(1), [
    { type: "interrupt", turn_id: "turn-1" },
    { type: "cancel_tool", call_id: "call-1" },
    { type: "session_update", locale: "en" },
    { type: "text", id: "c-1", content: "para", interrupt: true },
  ]);
});

test("the server is sent no more texts than it lets wait", () => {
  const { client, begins } = world({ maxOpenTexts: 2 });
  const socket = begins();
  const [first] = ["a", "b", "c", "d"].map((content) => client.say(content));

  assert.deepEqual(socket.texts, ["a", "b"]);
  socket.hears(accepted(2, first, "turn-1"), completed(3, "turn-1", "A"));
  assert.deepEqual(socket.texts, ["a", "b", "c"]);
  client.say("para", { interrupt: true });
  assert.deepEqual(socket.texts, ["a", "b", "c", "d", "para"]);
});

test("types and fields that are not known do no harm", () => {
  const { client, begins, of } = world();
  const socket = begins();

  socket.happens("message", { data: "{" });
  socket.happens("message", { data: new ArrayBuffer(2) });
  socket.hears({ type: "dance", seq: 2, steps: 3 }, { type: "state", seq: 3, state: "thinking", mood: "fine" });

  assert.equal(of("message")[0].steps, 3);
  assert.equal(client.state, "thinking");
});

test("an empty text and an id that was used are refused here", () => {
  const { client } = world();
  client.say("a", { id: "c-1" });

  assert.throws(() => client.say("  "), TypeError);
  assert.throws(() => client.say("b", { id: "c-1" }), TypeError);
});

// Drops

test("after a drop it resumes where it was, and what comes again is not told again", () => {
  const { begins, returns, of } = world();
  begins().hears(started(2, "turn-1"), chunk(3, "turn-1", "uno "));

  const socket = returns(1006, resumed({ replayed: 1, next_seq: 4 }));
  socket.hears(chunk(3, "turn-1", "uno "), chunk(4, "turn-1", "dos "), chunk(4, "turn-1", "dos "));

  assert.deepEqual(socket.sent[0], { type: "resume", session_id: "s-1", resume_token: "t-1", last_seq: 3 });
  assert.deepEqual(of("chunk").map((message) => message.content), ["uno ", "dos "]);
});

test("the token of session_resumed is used next", () => {
  const { begins, returns } = world();
  begins();
  returns(1006, resumed({ replayed: 0 }));

  const socket = returns(1006, resumed({ replayed: 0, resume_token: "t-3" }));

  assert.equal(socket.sent[0].resume_token, "t-2");
});

test("what has no receipt is sent again, once the replay is over, and nothing else", () => {
  const { client, begins, returns } = world();
  const socket = begins();
  const [heard, unsure] = [client.say("heard"), client.say("unsure")];
  socket.hears(accepted(2, heard, "turn-1"));

  const next = returns(1006, resumed({ replayed: 1, next_seq: 3 }));
  client.say("later");
  assert.deepEqual(next.texts, []);
  next.hears(started(3, "turn-1"));

  assert.deepEqual(next.texts, ["unsure", "later"]);
  assert.equal(next.sent[1].id, unsure.id);
});

test("a missing message brings a resume, and what came out of order is not used", () => {
  const { begins, sockets, timers, of } = world();
  begins().hears(chunk(5, "turn-1", "cinco"));
  timers.pass(500);
  sockets[1].happens("open");

  assert.equal(of("chunk").length, 0);
  assert.equal(sockets[1].sent[0].last_seq, 1);
});

test("a gap replaces what was known by the history", async () => {
  const { client, begins, returns, of, last } = world();
  const socket = begins();
  const said = ["a", "b", "d", "e", "c"].map((content) => client.say(content));
  const [answered, lost, failed, withdrawn, running] = said;
  socket.hears(
    accepted(2, answered, "turn-1"), accepted(3, lost, "turn-2"), accepted(4, failed, "turn-4"),
    accepted(5, withdrawn, "turn-5"), accepted(6, running, "turn-3"),
  );
  const entry = (role, turn_id, content) => ({ role, turn_id, content, created_at: "", interrupted: false });
  const history = {
    type: "history",
    messages: [
      entry("user", "turn-1", "a"), entry("assistant", "turn-1", "A"), entry("user", "turn-2", "b"),
      { ...entry("user", "turn-4", "d"), ending: "failed" }, { ...entry("user", "turn-5", "e"), ending: "interrupted" },
      entry("user", "turn-3", "c"),
    ],
    turn: { turn_id: "turn-3", text: "C1 " },
    tools: [{ call_id: "call-1", name: "slow", status: "running" }],
  };

  returns(1006, resumed({ gap: true, next_seq: 500 }), history);
  assert.equal(client.turnId, "turn-3");
  assert.deepEqual([...client.tools], [["call-1", "slow"]]);
  assert.deepEqual(of("history").length, 1);
  last().hears({ type: "pong" }, chunk(500, "turn-3", "C2"), completed(501, "turn-3", "C1 C2"));

  assert.equal((await answered.done).text, "A");
  assert.equal(await code(lost.done), "ending_lost");
  assert.equal(await code(failed.done), "turn_failed");
  const { text, finishReason } = await withdrawn.done;
  assert.deepEqual([text, finishReason], ["", "interrupted"]);
  assert.equal((await running.done).text, "C1 C2");
  assert.equal(of("chunk").at(-1).content, "C2");
});

test("after a restart of the server the error of a text is the server's own", async () => {
  const { client, begins, returns, last } = world();
  const socket = begins();
  const said = client.say("a");
  socket.hears(accepted(2, said, "turn-1"));
  const history = { type: "history", messages: [], turn: null, tools: [] };
  const error = { type: "error", seq: 1, code: "server_restarted", content: "", retryable: true, turn_id: "turn-1" };

  returns(1012, resumed({ gap: true, next_seq: 1 }), history, error);
  last().hears({ type: "pong" });

  assert.equal(await code(said.done), "server_restarted");
});

test("after a restart of the server what waits is answered, also where something was said to it before", async () => {
  const { client, begins, returns, last } = world();
  const socket = begins();
  const [one, two] = ["a", "b"].map((content) => client.say(content));
  socket.hears(accepted(2, one, "turn-1"), accepted(3, two, "turn-2"));
  const entry = (role, turn_id, content, interrupted) => ({ role, turn_id, content, created_at: "", interrupted });
  const messages = [
    entry("user", "turn-1", "a", false), entry("assistant", "turn-1", "Em", true), entry("user", "turn-2", "b", false),
  ];
  const waiting = ["turn-1", "turn-2"];

  returns(1006, resumed({ gap: true, next_seq: 1 }), { type: "history", messages, turn: null, tools: [], waiting });
  last().hears({ type: "pong" }, started(1, "turn-1"), chunk(2, "turn-1", "A"), completed(3, "turn-1", "A"));
  last().hears({ type: "pong" }, started(4, "turn-2"), completed(5, "turn-2", "B"));

  assert.equal((await one.done).text, "A");
  assert.equal((await two.done).text, "B");
  assert.deepEqual(client.openTexts, []);
});

test("a text whose turn ended before its receipt came again has that ending", async () => {
  const { client, begins, returns, last } = world();
  begins();
  const [answered, failed] = ["a", "b"].map((content) => client.say(content));
  const history = { type: "history", messages: [], turn: null, tools: [], waiting: ["turn-1", "turn-2"] };
  const error = { type: "error", seq: 3, code: "llm_cut", content: "", retryable: true, turn_id: "turn-2" };

  returns(1006, resumed({ gap: true, next_seq: 1 }), history, started(1, "turn-1"), completed(2, "turn-1", "A"), error);
  last().hears(accepted(4, answered, "turn-1"), accepted(5, failed, "turn-2"));

  assert.equal((await answered.done).text, "A");
  assert.equal(await code(failed.done), "llm_cut");
  assert.deepEqual(client.openTexts, []);
});

test("an interruption that could not be said is said after the resume", () => {
  const { client, begins, returns, last, timers } = world();
  begins().hears(started(2, "turn-1"));
  last().happens("close", { code: 1006, reason: "" });

  client.interrupt();
  timers.pass(60_000);
  last().happens("open");
  last().hears(resumed({ replayed: 0, next_seq: 3 }));

  assert.deepEqual(last().sent[1], { type: "interrupt", turn_id: "turn-1" });
});

test("a refused resume begins a new session, says so, and names the texts that have no ending", async () => {
  const { client, begins, last, of, timers } = world();
  begins();
  const unsure = client.say("unsure");
  last().happens("close", { code: 1006, reason: "" });
  const later = client.say("later");

  timers.pass(60_000);
  last().happens("open");
  last().hears({ type: "error", code: "resume_refused", content: "No.", retryable: false });
  assert.equal(last().sent[1].type, "start");
  last().hears({ ...CREATED, session_id: "s-2" });

  const [renewal] = of("renewed");
  assert.deepEqual([renewal.previousSessionId, renewal.sessionId, renewal.reason], ["s-1", "s-2", "resume_refused"]);
  assert.deepEqual(renewal.texts.map((text) => text.content), ["unsure"]);
  assert.equal(await code(unsure.done), "session_lost");
  assert.deepEqual(last().texts, ["later"]);
  last().hears(accepted(2, later, "turn-1"));
  assert.equal((await later.accepted).turnId, "turn-1");
});

for (const fault of [1002, 1003, 1007, 1009]) {
  test(`a text refused on the wire (${fault}) is dropped and holds nothing up`, async () => {
    const { client, begins, returns, of } = world();
    begins();
    const said = ["small", "x".repeat(100)].map((content) => client.say(content));
    const [refused, other] = fault === 1009 ? said.reverse() : said;

    const socket = returns(fault, resumed({ replayed: 0 }));

    assert.equal(await code(refused.accepted), "refused_on_wire");
    assert.deepEqual(of("error").map(({ code, id, local }) => [code, id, local]), [["refused_on_wire", refused.id, true]]);
    assert.deepEqual(socket.sent.slice(1).map(({ id }) => id), [other.id]);
  });
}

// Coming back

test("the close code alone decides whether it comes back", () => {
  for (const final of [1000, 1008, 3000, 4401, 4408, 4409, 4410, 4999]) {
    assert.equal(mayReturn(final), false);
    const { begins, last, timers, sockets, client } = world();
    begins();
    last().happens("close", { code: final, reason: "" });
    timers.pass(600_000);
    assert.deepEqual([sockets.length, client.connection.status, client.connection.code], [1, "closed", final]);
  }
  for (const returning of [...RETURNING_CODES, 1010, 1014]) {
    const { begins, last, timers, sockets } = world();
    begins();
    last().happens("close", { code: returning, reason: "" });
    timers.pass(600_000);
    assert.ok(sockets.length > 1, String(returning));
  }
});

test("back-off doubles to half a minute and uses the whole range", () => {
  const tries = [0, 1, 2, 3, 6, 7, 2000];

  assert.deepEqual(tries.map((failures) => backOff(failures, 1)), [500, 1000, 2000, 4000, 30_000, 30_000, 30_000]);
  assert.deepEqual(tries.map((failures) => backOff(failures, 0)), tries.map(() => 0));
});

test("tries that fail wait longer and longer, and a session begins the count anew", () => {
  const { begins, last, timers, of, chance } = world();
  begins();
  const delays = () => of("connection").filter(({ status }) => status === "waiting").map(({ delayMs }) => delayMs);
  for (let failure = 0; failure < 4; failure += 1) {
    last().happens("close", { code: 1006, reason: "" });
    timers.pass(delays().at(-1));
  }
  last().happens("open");
  last().hears(resumed());
  chance.value = 0.5;
  last().happens("close", { code: 1006, reason: "" });

  assert.deepEqual(delays(), [500, 1000, 2000, 4000, 250]);
});

test("a server that throws the client out at once is not stormed", () => {
  const { begins, last, timers, of } = world();
  begins();
  const delays = () => of("connection").filter(({ status }) => status === "waiting").map(({ delayMs }) => delayMs);
  for (let round = 0; round < 3; round += 1) {
    last().happens("close", { code: 1011, reason: "" });
    timers.pass(delays().at(-1));
    last().happens("open");
    last().hears(resumed());
  }

  assert.deepEqual(delays(), [500, 1000, 2000]);
});

test("a server that goes says when to come back, and is sent nothing more before", () => {
  const { client, begins, last, of, chance, timers } = world();
  const socket = begins();
  chance.value = 0.5;

  socket.hears({ type: "going_away", reason: "restart", reconnect_after_s: 3 });
  client.say("hola");
  assert.deepEqual(socket.texts, []);
  socket.happens("close", { code: 1012, reason: "" });

  assert.equal(of("connection").at(-1).delayMs, 3250);
  timers.pass(3250);
  last().happens("open");
  last().hears(resumed());
  assert.deepEqual(last().texts, ["hola"]);
});

const GOING = { type: "going_away", reason: "restart", reconnect_after_s: 3, deadline_s: 30, overlap: true };

/** A talk whose server goes, with the second connection that the client has opened. */
function going(options) {
  const w = world(options);
  const first = w.begins();
  w.chance.value = 0.5;
  first.hears(GOING);
  return { ...w, first, second: w.last() };
}

test("sound, controls and reports go over the first connection until the second one has the session", () => {
  const { client, first, second, of } = going();
  second.happens("open");

  client.sendAudio(new Int16Array(2));
  client.reportPlayback("t1", 20);
  client.cancelTool("c1");
  assert.deepEqual(first.sent.slice(1).map((sent) => sent.type ?? "sound"), ["sound", "playback", "cancel_tool"]);
  assert.deepEqual(second.sent.map(({ type, overlap }) => [type, overlap]), [["resume", true]]);

  second.hears(resumed());
  assert.equal(client.sendAudio(new Int16Array(2)), true);
  assert.equal(first.sent.length, 5);
  first.happens("close", { code: 4409, reason: "" });
  client.sendAudio(new Int16Array(2));
  assert.equal(second.sent.length, 2);
  assert.deepEqual(of("connection").map(({ status }) => status), ["connecting", "open", "open"]);
});

test("a first connection that does not end is left a second after the other one has the session", () => {
  const { first, second, of, timers } = going();
  second.happens("open");
  second.hears(resumed(), { type: "system", seq: 2, content: "Dos." });
  first.hears({ type: "system", seq: 2, content: "Dos." });
  assert.equal(first.isClosed, false);

  timers.pass(1000);
  second.hears({ type: "system", seq: 3, content: "Tres." });
  first.hears({ type: "system", seq: 4, content: "Nadie." });

  assert.equal(first.isClosed, true);
  assert.deepEqual(of("notice").map(({ content }) => content), ["Dos.", "Tres."]);
});

for (const order of [["first", "second"], ["second", "first"]]) {
  test(`where both connections end, the ${order[0]} one first, the client comes back`, () => {
    const sockets = going();
    const { second, of, timers, last } = sockets;
    second.happens("open");
    for (const name of order) sockets[name].happens("close", { code: name === "first" ? 4409 : 1006, reason: "" });

    assert.equal(of("connection").at(-1).status, "waiting");
    assert.equal(of("connection").at(-1).code, 1006);
    timers.pass(10_000);
    last().happens("open");
    assert.deepEqual([last().sent[0].type, last().sent[0].overlap], ["resume", undefined]);
    last().hears(resumed());
    assert.equal(of("resumed").length, 1);
  });
}

test("4409 is a refusal still where the second connection has not asked for the session", () => {
  const { first, second, of, timers, sockets } = going();
  first.happens("close", { code: 4409, reason: "" });

  assert.deepEqual([of("connection").at(-1).status, of("connection").at(-1).code], ["closed", 4409]);
  assert.equal(second.isClosed, true);
  timers.pass(60_000);
  assert.equal(sockets.length, 2);
});

test("a second connection without an answer is left after ten seconds, and another one tried, three in all", () => {
  const { first, sockets, timers } = going();
  for (let second = 0; second < 60; second += 1) {
    first.hears({ type: "pong" });
    timers.pass(1_000);
  }

  assert.deepEqual(sockets.slice(1).map(({ isClosed }) => isClosed), [true, true, true]);
  assert.equal(sockets.length, 4);
  assert.equal(first.isClosed, false);
});

for (const [name, leave] of [
  ["close", (client) => client.close()],
  ["end", (client) => client.end()],
  ["renew", (client) => client.renew()],
]) {
  test(`${name} leaves the second connection too`, () => {
    const { client, first, second, of } = going();
    second.happens("open");

    leave(client);
    second.hears(resumed());

    assert.equal(second.isClosed, true);
    assert.equal(first.isClosed || first.sent.at(-1).type === "end", true);
    assert.equal(of("resumed").length, 0);
  });
}

test("goodbye is said where the session is", () => {
  const { client, first, second } = going();
  second.happens("open");
  second.hears(resumed());

  client.end();

  assert.equal(second.sent.at(-1).type, "end");
  assert.equal(first.sent.some(({ type }) => type === "end"), false);
});

test("a connection that opens nothing is given up", () => {
  const { client, sockets, timers } = world();
  client.connect();
  sockets[0].happens("open");

  timers.pass(10_000);

  assert.ok(sockets[0].isClosed);
  assert.equal(client.connection.status, "waiting");
});

test("a connection that falls silent for two heartbeats is left", () => {
  const { client, begins, sockets, timers } = world();
  const socket = begins();

  timers.pass(20_000);
  assert.deepEqual(socket.sent.at(-1), { type: "ping" });
  socket.hears({ type: "pong" });
  timers.pass(20_000);
  assert.equal(client.connection.status, "open");
  timers.pass(20_000);

  assert.ok(socket.isClosed);
  assert.ok(sockets.length === 1 && client.connection.status === "waiting");
});

test("a server that speaks no v2 is left for good", () => {
  const { client, last } = world();
  client.connect();
  last().protocol = "";
  last().happens("open");

  assert.deepEqual([client.connection.status, last().sent], ["closed", []]);
});

// Leaving

test("close leaves the session for later, end does not", () => {
  const { client, begins, last, sockets, timers } = world();
  begins();
  client.close();
  timers.pass(600_000);
  assert.deepEqual([sockets.length, last().closedWith, client.sessionId], [1, undefined, "s-1"]);

  client.connect();
  last().happens("open");
  assert.equal(last().sent[0].type, "resume");
  last().hears(resumed());
  client.end();
  assert.deepEqual([last().sent.at(-1), client.sessionId], [{ type: "end" }, null]);
  last().happens("close", { code: 1000, reason: "" });
  assert.equal(client.connection.status, "closed");
});

test("a connection that breaks at the goodbye brings nobody back", () => {
  const { client, begins, last, sockets, timers } = world();
  begins();
  client.end();

  last().happens("close", { code: 1006, reason: "" });
  timers.pass(600_000);

  assert.deepEqual([sockets.length, client.connection.status], [1, "closed"]);
});

test("renewing says goodbye and begins another session for another user", () => {
  const { client, begins, sockets, of } = world();
  const socket = begins();
  client.renew({ userId: "eva" });
  sockets[1].happens("open");
  sockets[1].hears({ ...CREATED, session_id: "s-2" });

  assert.deepEqual(socket.sent.at(-1), { type: "end" });
  assert.equal(sockets[1].sent[0].user_id, "eva");
  assert.deepEqual([of("renewed")[0].reason, client.sessionId], ["asked", "s-2"]);
});

test("renewing can leave the session to itself", () => {
  const { client, begins, sockets } = world();
  const socket = begins();

  client.renew({ leave: true, forget: true });

  assert.deepEqual([socket.texts, socket.sent.length, socket.closedWith], [[], 1, undefined]);
  sockets[1].happens("open");
  assert.deepEqual(sockets[1].sent, [{ type: "start", user_id: "ana" }]);
});

// An earlier talk

const HISTORY = {
  type: "history",
  messages: [{ role: "user", turn_id: "turn-1", content: "a", created_at: "", interrupted: false }],
  turn: null,
  tools: [],
};

test("an earlier talk goes on with its history, and says nothing before that is here", () => {
  const { client, begins, sockets, of, timers } = world();
  const socket = begins();
  client.say("here");
  client.continueTalk("s-0");
  client.say("there");
  assert.deepEqual([socket.sent.length, socket.closedWith], [2, undefined]);
  sockets[1].happens("close", { code: 1006, reason: "" });
  timers.pass(500);
  sockets[2].happens("open");
  assert.deepEqual(sockets[2].sent, [{ type: "start", user_id: "ana", continue: "s-0" }]);

  sockets[2].hears({ ...CREATED, session_id: "s-0", continued: true });
  assert.deepEqual([client.isCurrent, sockets[2].texts], [false, []]);
  sockets[2].hears(HISTORY, started(2, "turn-2"));

  assert.deepEqual([client.sessionId, client.isCurrent, sockets[2].texts], ["s-0", true, ["there"]]);
  assert.deepEqual(of("open").map(({ isContinued }) => isContinued), [false, true]);
  assert.equal(of("history").length, 1);
  sockets[2].happens("close", { code: 1006, reason: "" });
  timers.pass(500);
  sockets[3].happens("open");
  assert.deepEqual([sockets[3].sent[0].type, sockets[3].sent[0].last_seq], ["resume", 2]);
});

test("an earlier talk that cannot go on is told, and the next connection begins a new one", () => {
  const { client, begins, last, of, sockets, timers } = world();
  begins();
  client.continueTalk("gone");
  last().happens("open");

  last().hears({ type: "error", code: "resume_refused", content: "No.", retryable: false });
  timers.pass(600_000);

  assert.deepEqual([of("error")[0].code, client.connection.status, sockets.length], ["resume_refused", "closed", 2]);
  client.connect();
  last().happens("open");
  assert.deepEqual(last().sent, [{ type: "start", user_id: "ana" }]);
});

// Tokens

const REFUSED = { type: "error", code: "unauthorized", content: "No.", retryable: false };

test("a server that wants another token is told it with the next connection", () => {
  const { client, last, sockets, timers, of } = world({ token: "old" });
  client.connect();
  last().happens("open");
  last().hears(REFUSED);
  last().happens("close", { code: 4401, reason: "" });
  timers.pass(600_000);
  assert.deepEqual([sockets.length, client.connection.status, client.connection.code], [1, "closed", UNAUTHORIZED]);
  assert.equal(of("error")[0].code, "unauthorized");

  client.connect({ token: "new" });
  last().happens("open");

  assert.equal(last().sent[0].token, "new");
});

test("a token that is refused at a resume costs neither the session nor its texts", () => {
  const { client, begins, last, timers } = world({ token: "old" });
  begins();
  const said = client.say("hola");
  last().happens("close", { code: 1006, reason: "" });
  timers.pass(60_000);
  last().happens("open");
  assert.equal(last().sent[0].token, "old");
  last().hears(REFUSED);
  assert.equal(client.sessionId, "s-1");

  client.connect({ token: "new" });
  last().happens("open");
  last().hears(resumed({ replayed: 0 }));

  assert.deepEqual([last().sent[0].type, last().sent[0].token], ["resume", "new"]);
  assert.deepEqual(last().sent[1], { type: "text", id: said.id, content: "hola" });
});

test("texts that wait leave at a pace that a server bears, and in order", () => {
  const { client, last, begins, timers } = world({ maxOpenTexts: 1000 });
  const first = begins();
  const contents = Array.from({ length: 60 }, (_, number) => `text ${number}`);
  for (const content of contents) client.say(content);
  const atOnce = first.texts.length;
  first.happens("close", { code: 1006, reason: "" });
  timers.pass(60_000);
  last().happens("open");
  last().hears(resumed({ replayed: 0, next_seq: 2 }));

  const sentBy = [last().texts.length];
  for (let second = 0; second < 5; second += 1) {
    timers.pass(1000);
    sentBy.push(last().texts.length);
  }
  assert.ok(atOnce <= 20 && sentBy[0] <= 20, `${atOnce}, ${sentBy}`);
  for (let second = 1; second < sentBy.length; second += 1) assert.ok(sentBy[second] - sentBy[second - 1] <= 20);
  assert.deepEqual(last().texts, contents);
});

// Reloads

test("a reload resumes, sends again what has no receipt, and can have the whole talk again", () => {
  const storage = new FakeStorage();
  const before = world({ storage });
  const socket = before.begins();
  const [heard] = [before.client.say("heard"), before.client.say("unsure")];
  socket.hears(accepted(2, heard, "turn-1"), started(3, "turn-1"));

  const after = world({ storage, replayOnLoad: true });
  after.client.connect();
  after.last().happens("open");
  assert.deepEqual(after.last().sent[0], { type: "resume", session_id: "s-1", resume_token: "t-1", last_seq: 0 });
  after.last().hears(resumed({ replayed: 3, next_seq: 1 }), CREATED, accepted(2, heard, "turn-1"), started(3, "turn-1"));

  assert.equal(after.of("accepted")[0].content, "heard");
  assert.deepEqual(after.last().texts, ["unsure"]);
  after.last().happens("close", { code: 1006, reason: "" });
  after.timers.pass(60_000);
  after.last().happens("open");
  assert.deepEqual([after.last().sent[0].resume_token, after.last().sent[0].last_seq], ["t-2", 3]);
});

test("another user's stored talk is left alone", () => {
  const storage = new FakeStorage();
  world({ storage }).begins();

  const { client, last } = world({ storage, userId: "eva" });
  client.connect();
  last().happens("open");

  assert.equal(last().sent[0].type, "start");
});

test("a storage that is full or forbidden costs the memory alone", () => {
  const refuse = () => {
    throw new Error("no");
  };
  const { client, begins } = world({ storage: { getItem: refuse, setItem: refuse, removeItem: refuse } });
  const socket = begins();
  client.say("hola");

  assert.deepEqual(socket.texts, ["hola"]);
});
