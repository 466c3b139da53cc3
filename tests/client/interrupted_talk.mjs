// What a talk needs beside answers, by the client library in Node with `ws`: texts before there is a connection, an
// interruption, leaving a talk and going on with it. Usage: node interrupted_talk.mjs ws://host:port/ws
// Prints one JSON object.
import { WebSocket } from "ws";

import { VoiceAgentClient } from "../../static/voice-agent-client.js";

const client = new VoiceAgentClient(process.argv[2], { WebSocket, userId: "node", locale: "es" });
const happens = (type) => new Promise((resolve) => {
  client.addEventListener(type, ({ detail }) => resolve(detail), { once: true });
});

const early = client.say("calcula 2+3");
const waiting = client.openTexts.map(({ status }) => status);
client.connect();
const { text: answer } = await early.done;

const begun = happens("chunk");
const long = client.say("ayuda");
const { durable } = await long.accepted;
await begun;
const interrupted = happens("interrupted");
client.interrupt();
const { heard } = await interrupted;
const { text, finishReason } = await long.done;

const left = client.sessionId;
client.renew({ leave: true });
await client.say("calcula 1+1").done;
const history = happens("history");
client.continueTalk(left);
const messages = (await history).messages.map(({ role, content }) => [role, content]);
const isSame = client.sessionId === left;
const { text: later } = await client.say("calcula 30+4").done;
client.end();
console.log(JSON.stringify({ waiting, answer, durable, heard, text, finishReason, messages, isSame, later }));
