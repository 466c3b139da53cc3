// A talk by the client library in Node with `ws`, over whatever network it is given.
// Usage: node resuming_talk.mjs ws://host:port/ws text [text ...]
// Prints one JSON object: each answer, what its chunks said, the numbers heard, and how often it had to resume.
import { WebSocket } from "ws";

import { VoiceAgentClient } from "../../static/voice-agent-client.js";

const [url, ...texts] = process.argv.slice(2);
const chunks = new Map();
const seqs = [];
let resumes = 0;

const client = new VoiceAgentClient(url, { WebSocket, userId: "node", locale: "es", random: () => 0.1 });
client.addEventListener("chunk", ({ detail }) => {
  chunks.set(detail.turn_id, (chunks.get(detail.turn_id) ?? "") + detail.content);
});
for (const type of ["accepted", "state", "turn", "chunk", "complete", "tool", "error", "notice"]) {
  client.addEventListener(type, ({ detail }) => seqs.push(detail.seq));
}
client.addEventListener("resumed", () => (resumes += 1));
client.connect();

const answers = [];
for (const answer of await Promise.all(texts.map((text) => client.say(text).done))) {
  answers.push({ text: answer.text, chunks: chunks.get(answer.turnId) });
}
client.end();
console.log(JSON.stringify({ answers, seqs, resumes }));
