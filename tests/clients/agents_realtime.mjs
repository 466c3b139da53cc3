// @openai/agents-realtime as it is: an agent with instructions and a tool of its own asks, calls and hears.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , folder, url] = process.argv;
const load = (name) => import(pathToFileURL(createRequire(`${folder}/`).resolve(name)));
const { RealtimeAgent, RealtimeSession, tool } = await load("@openai/agents-realtime");
const { z } = await load("zod");

const events = [];
const calls = [];
const weather = tool({
  name: "get_weather",
  description: "The weather of a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    calls.push(city);
    return `rain in ${city}`;
  },
});
const agent = new RealtimeAgent({ name: "Helper", instructions: "Be brief.", tools: [weather] });
const session = new RealtimeSession(agent, {
  transport: "websocket",
  model: "gpt-realtime",
  config: { outputModalities: ["text"] },
});
const errors = [];
session.on("error", (error) => errors.push(error));
session.transport.on("*", (event) => events.push(event.type));

const textOf = () =>
  session.history
    .filter((item) => item.type === "message" && item.role === "assistant")
    .flatMap((item) => item.content.map((part) => part.text ?? part.transcript ?? ""));

async function until(what) {
  for (let turn = 0; turn < 200 && !what(); turn += 1) await new Promise((done) => setTimeout(done, 50));
}

await session.connect({ apiKey: "ek_anything", url });
session.sendMessage("What is the weather in Vigo?");
await until(() => textOf().some((text) => text.includes("rains")));
const answers = textOf();
session.close();
console.log(JSON.stringify({ answers, calls, errors, events: [...new Set(events)] }));
process.exit(0);
