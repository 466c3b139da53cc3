// Talks of a rolling deploy by the client library in Node with `ws`, until its standard input ends.
// Usage: node rolling_talks.mjs ws://host:port/ws '[{"kind": "quiet", "number": 1, "words": 3}]' '{"quiet": 6000}'
// Prints `begun` when each talk has an answer, and at the end one JSON list: what was heard in each.
import { WebSocket } from "ws";

import { VoiceAgentClient } from "../../static/voice-agent-client.js";

const url = process.argv[2];
const plan = JSON.parse(process.argv[3]);
const pauses = JSON.parse(process.argv[4]);
let isOver = false;
let stop = () => {};
const over = new Promise((resolve) => (stop = resolve));
process.stdin.on("end", () => {
  isOver = true;
  stop();
});
process.stdin.resume();

const now = () => performance.now() / 1000;

async function hold({ kind, number, words }, begun) {
  const record = {
    client: "node", kind, said: {}, said_at: {}, accepted: {}, endings: {}, chunks: [], starts: [], sounds: [],
    restarts: [], losses: [], errors: [], waits: 0, resumes: 0, gaps: 0,
  };
  const audio = kind === "spoken" ? { out: true } : undefined;
  const client = new VoiceAgentClient(url, { WebSocket, userId: `${kind}${number}`, audio });
  const on = (type, note) => client.addEventListener(type, ({ detail }) => note(detail));
  on("accepted", ({ id, turn_id }) => (record.accepted[id] = turn_id));
  on("turn", ({ turn_id }) => record.restarts.push([now(), turn_id]));
  on("chunk", ({ turn_id, content }) => record.chunks.push([now(), turn_id, content]));
  on("complete", ({ turn_id, text, finish_reason }) => (record.endings[turn_id] ??= []).push([text, finish_reason]));
  on("audio_started", ({ turn_id, offset_ms }) => record.starts.push([now(), turn_id, offset_ms]));
  on("audio", ({ turnId, sampleRateHz, pcm }) => record.sounds.push([now(), turnId, (pcm.length / sampleRateHz) * 1000]));
  on("connection", ({ status, code }) => {
    if (status === "waiting") record.losses.push(code);
    if (status === "closed" && !isOver) record.errors.push(`closed ${code}`);
  });
  on("resumed", () => (record.resumes += 1));
  on("history", () => (record.gaps += 1));
  on("renewed", () => record.errors.push("another session"));
  on("error", ({ code }) => (code === "server_full" ? (record.waits += 1) : record.errors.push(`${kind} ${number}: ${code}`)));
  client.connect();
  try {
    for (let place = 0; !isOver; place += 1) {
      const content = `${kind} ${number}.${place} ${words}`;
      const { id, done } = client.say(content);
      record.said[id] = content;
      record.said_at[id] = now();
      const { text, turnId } = await done;
      if (!record.endings[turnId]) {
        record.endings[turnId] = [[text, "history"]];
        record.accepted[id] ??= turnId;
      }
      begun();
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, Math.random() * pauses[kind]))]);
    }
  } catch (error) {
    record.errors.push(`${kind} ${number}: ${error.code ?? error}`);
  }
  begun();
  client.end();
  return record;
}

const starts = plan.map(() => {
  let begin = () => {};
  const promise = new Promise((resolve) => (begin = resolve));
  return { promise, begin };
});
const talks = plan.map((talk, index) => hold(talk, starts[index].begin));
await Promise.all(starts.map(({ promise }) => promise));
process.stdout.write("begun\n");
const records = await Promise.all(talks);
process.stdout.write(JSON.stringify(records), () => process.exit(0));
