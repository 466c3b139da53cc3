// Plays one conformance case by the client library in Node with `ws`, and prints what it did as a JSON object.
// Usage: node conformance.mjs ws://host:port/ws '{"texts": ...}'
import { WebSocket } from "ws";

import { VoiceAgentClient } from "../../static/voice-agent-client.js";

const [url, given] = process.argv.slice(2);
const script = JSON.parse(given);
const shows = [];
const delays = [];
const endings = {};
let refusal = "";
let isEnded = false;
let thenToken = script.then_token;

const client = new VoiceAgentClient(url, {
  WebSocket, userId: "ana", token: script.token, maxOpenTexts: script.max_open_texts, random: () => 0.01,
});

function say(after) {
  for (const { id, content, revises, after: due = "" } of script.texts ?? []) {
    if (due !== after) continue;
    endings[id] = "open";
    const said = revises ? client.revise(revises, content, { id }) : client.say(content, { id });
    said.done.then(
      ({ text }) => (endings[id] = `answered ${text}`),
      ({ code }) => (endings[id] = `error ${code}`),
    );
  }
}

function show(shown) {
  shows.push(shown);
  say(shown);
}

client.addEventListener("chunk", ({ detail }) => show(`chunk ${detail.content}`));
client.addEventListener("complete", ({ detail }) => show(`complete ${detail.text}`));
client.addEventListener("audio_started", ({ detail }) => show(`audio_started ${detail.turn_id} ${detail.offset_ms}`));
client.addEventListener("audio", ({ detail }) => show(`sound ${detail.turnId} ${detail.pcm.byteLength}`));
client.addEventListener("history", () => show("history"));
client.addEventListener("resumed", () => show("resumed"));
client.addEventListener("renewed", () => show("replaced"));
client.addEventListener("going_away", () => show("going_away"));
client.addEventListener("notice", ({ detail }) => (detail.content === "fin" ? client.end() : show(`notice ${detail.content}`)));
client.addEventListener("error", ({ detail }) => {
  // What ends the talk is told by its outcome.
  if (["unauthorized", "resume_refused"].includes(detail.code)) refusal = detail.code;
  else show(`error ${detail.code}`);
});
client.addEventListener("connection", ({ detail }) => {
  if (detail.status === "waiting") {
    delays.push(detail.delayMs);
    show(`lost ${detail.code}`);
  } else if (detail.status === "closed") {
    if (thenToken) {
      const token = thenToken;
      thenToken = undefined;
      return setImmediate(() => client.connect({ token }));
    }
    const isRefused = refusal !== "" && detail.code === 1008 && detail.reason === refusal;
    const closed = isRefused ? "refused" : `closed ${detail.code}`;
    const outcome = isEnded ? "ended" : closed;
    setImmediate(() => console.log(JSON.stringify({ shows, outcome, delays, endings })));
  }
});

const end = client.end.bind(client);
client.end = () => {
  isEnded = true;
  // A text that the session has heard is not told of as lost by who ends it.
  const open = new Set(client.openTexts.map(({ id }) => id));
  end();
  setImmediate(() => open.forEach((id) => (endings[id] = "open")));
};

say("");
if (script.continue) client.continueTalk(script.continue);
else client.connect();
