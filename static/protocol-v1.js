// @ts-check
/**
 * Protocol v1: what the page sends, and what the server's messages mean.
 *
 * v1 tells much by sentences in `system` and `error` messages, in the session's language. Only this module
 * knows them; everything else works with the typed events below.
 */

/** @typedef {"done" | "failed" | "timed_out" | "cancelled" | "interrupted"} ToolEnding */

/**
 * @typedef {{kind: "session", sessionId: string, timestamp: string}
 *   | {kind: "accepted", locale: "es" | "en"}
 *   | {kind: "thinking"}
 *   | {kind: "chunk", content: string}
 *   | {kind: "completed"}
 *   | {kind: "failed", sentence: string}
 *   | {kind: "refused", sentence: string}
 *   | {kind: "notice", sentence: string}
 *   | {kind: "tool_started", name: string}
 *   | {kind: "tool_progress", name: string, elapsedS: number, message: string}
 *   | {kind: "tool_ended", name: string, elapsedS: number, ending: ToolEnding, sentence: string}} PageEvent
 */

/** @type {Record<string, PageEvent>} */
const PLAIN_SENTENCES = {
  "Mensaje recibido": { kind: "accepted", locale: "es" },
  "Message received": { kind: "accepted", locale: "en" },
  "Pensando en tu respuesta...": { kind: "thinking" },
  "Thinking about your answer...": { kind: "thinking" },
};

const STARTED = /^(?:Herramienta (\S+): en marcha|Tool (\S+): started)\.$/;
const PROGRESS =
  /^(?:Herramienta (\S+): sigue en marcha|Tool (\S+): still running) \(([\d.,]+) s\)(?:: (.*?))?\.?$/s;
const ENDED =
  /^(?:Herramienta|Tool) (\S+): (terminada|done|ha fallado|failed|ha superado su tiempo|timed out|cancelada|cancelled|interrumpida|interrupted) \(([\d.,]+) s\)(?:: (.*)|\.)$/s;

/** @type {Record<string, ToolEnding>} */
const ENDINGS = {
  terminada: "done",
  done: "done",
  "ha fallado": "failed",
  failed: "failed",
  "ha superado su tiempo": "timed_out",
  "timed out": "timed_out",
  cancelada: "cancelled",
  cancelled: "cancelled",
  interrumpida: "interrupted",
  interrupted: "interrupted",
};

/**
 * Beginnings of the errors that refuse a text at the door. In v1 such an error looks like one that ends a
 * turn, and may come in the middle of another text's turn.
 */
const REFUSALS = [
  "Hay demasiados mensajes esperando",
  "Too many messages are waiting",
  "El mensaje es demasiado grande",
  "The message is too large",
  "No entiendo el mensaje",
  "I cannot read that message",
  "No conozco el tipo de mensaje",
  "I do not know the message type",
];

/**
 * The first message of a connection: it makes the session.
 *
 * @param {string} userId
 */
export function opening(userId) {
  return JSON.stringify({ type: "system", user_id: userId, content: "" });
}

/**
 * A text of the user.
 *
 * @param {string} content
 * @param {string} userId
 */
export function userText(content, userId) {
  return JSON.stringify({ type: "text", content, user_id: userId });
}

/**
 * Reads one frame of the server.
 *
 * @param {unknown} frame
 * @returns {PageEvent | null} null for what this page does not know.
 */
export function read(frame) {
  const message = parse(frame);
  const content = typeof message?.content === "string" ? message.content : "";
  switch (message?.type) {
    case "session_created":
      return { kind: "session", sessionId: String(message.session_id), timestamp: String(message.timestamp) };
    case "response_chunk":
      return { kind: "chunk", content };
    case "response_complete":
      return { kind: "completed" };
    case "error":
      return { kind: isRefusal(content) ? "refused" : "failed", sentence: content };
    case "system":
      return readSystem(content);
    default:
      return null;
  }
}

/**
 * @param {unknown} frame
 * @returns {Record<string, unknown> | null}
 */
function parse(frame) {
  if (typeof frame !== "string") return null;
  try {
    const value = JSON.parse(frame);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** @param {string} sentence */
function isRefusal(sentence) {
  return REFUSALS.some((beginning) => sentence.startsWith(beginning));
}

/**
 * @param {string} sentence
 * @returns {PageEvent}
 */
function readSystem(sentence) {
  if (Object.hasOwn(PLAIN_SENTENCES, sentence)) return PLAIN_SENTENCES[sentence];
  return readTool(sentence) ?? { kind: "notice", sentence };
}

/**
 * @param {string} sentence
 * @returns {PageEvent | null}
 */
function readTool(sentence) {
  const started = STARTED.exec(sentence);
  if (started) return { kind: "tool_started", name: started[1] ?? started[2] };
  const progress = PROGRESS.exec(sentence);
  if (progress) {
    const [, es, en, elapsed, message] = progress;
    return { kind: "tool_progress", name: es ?? en, elapsedS: number(elapsed), message: message ?? "" };
  }
  const ended = ENDED.exec(sentence);
  if (!ended) return null;
  const [, name, ending, elapsed, reason] = ended;
  return {
    kind: "tool_ended",
    name,
    elapsedS: number(elapsed),
    ending: ENDINGS[ending],
    sentence: reason ?? "",
  };
}

/** @param {string} text With a decimal point or a decimal comma. */
function number(text) {
  return Number.parseFloat(text.replace(",", "."));
}
