// @openai/agents-realtime as it is, in a page: text, a tool, sound both ways, an interruption.
const RATE_HZ = 24000;
const PIECE_MS = 100;

const library = () => import("/openai-realtime-agents.mjs");
const settled = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(what) {
  for (let turn = 0; turn < 400 && !what(); turn += 1) await settled(50);
}

async function connected(url, apiKey, config) {
  const { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } = await library();
  const told = { calls: [], errors: [], sent: [], soundBytes: 0, interruptions: 0, protocol: "" };
  const parameters = {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  };
  const weather = tool({
    name: "get_weather",
    description: "The weather of a city.",
    parameters,
    strict: false,
    execute: async ({ city }) => {
      told.calls.push(city);
      return `rain in ${city}`;
    },
  });
  const agent = new RealtimeAgent({ name: "Helper", instructions: "Be brief.", tools: [weather] });
  const transport = new OpenAIRealtimeWebSocket();
  const session = new RealtimeSession(agent, { transport, model: "gpt-realtime", config });
  session.on("error", (error) => told.errors.push(JSON.stringify(error)));
  session.on("audio_interrupted", () => (told.interruptions += 1));
  session.on("audio", ({ data }) => (told.soundBytes += data.byteLength));
  await session.connect({ apiKey, url });
  told.protocol = transport.connectionState.websocket.protocol;
  return { session, told };
}

const textsOf = (session, role) =>
  session.history
    .filter((item) => item.type === "message" && item.role === role)
    .map((item) => item.content.map((part) => part.text ?? part.transcript ?? "").join(""));

// A microphone that hears this: PCM16, in pieces at their time, and silence behind it.
async function says(session, base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const size = (RATE_HZ * 2 * PIECE_MS) / 1000;
  for (let at = 0; at < bytes.length; at += size) {
    session.sendAudio(bytes.slice(at, at + size).buffer);
    await settled(PIECE_MS);
  }
}

export async function reads(url, apiKey) {
  const { session, told } = await connected(url, apiKey, { outputModalities: ["text"] });
  session.sendMessage("What is the weather in Vigo?");
  await until(() => textsOf(session, "assistant").some((text) => text.includes("rains")));
  const answers = textsOf(session, "assistant");
  session.close();
  return { ...told, answers };
}

export async function hears(url, apiKey, recording, interruption) {
  const { session, told } = await connected(url, apiKey, {});
  await says(session, recording);
  await until(() => told.soundBytes > 0);
  const before = told.soundBytes;
  await settled(600);
  await says(session, interruption);
  await until(() => textsOf(session, "assistant").length > 1 && textsOf(session, "assistant").at(-1) !== "");
  const texts = { user: textsOf(session, "user"), assistant: textsOf(session, "assistant") };
  session.close();
  return { ...told, before, texts };
}
