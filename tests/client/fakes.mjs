/** A world for the client library that moves only when a test says so: sockets, time, chance, storage. */

import { VoiceAgentClient } from "../../static/voice-agent-client.js";

export class FakeSocket {
  protocol = "voice-agent.v2";
  sent = [];
  isClosed = false;
  #listeners = {};

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
  }

  addEventListener(type, listener) {
    (this.#listeners[type] ??= []).push(listener);
  }

  happens(type, event = {}) {
    for (const listener of this.#listeners[type] ?? []) listener(event);
  }

  /** Texts are kept as what they say, sound as it is. */
  send(frame) {
    this.sent.push(typeof frame === "string" ? JSON.parse(frame) : frame);
  }

  close(code) {
    this.isClosed = true;
    this.closedWith = code;
  }

  hears(...messages) {
    for (const message of messages) this.happens("message", { data: JSON.stringify(message) });
  }

  /** The texts that were sent here. */
  get texts() {
    return this.sent.filter((message) => message.type === "text").map((message) => message.content);
  }
}

export class FakeTimers {
  #now = 0;
  #timers = new Map();
  #count = 0;

  setTimeout = (run, delayMs) => {
    this.#count += 1;
    this.#timers.set(this.#count, { run, at: this.#now + delayMs });
    return this.#count;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  now = () => this.#now;

  /** Lets time pass, and runs what falls due, in order. */
  pass(ms) {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at);
      if (!next) break;
      this.#timers.delete(next[0]);
      this.#now = next[1].at;
      next[1].run();
    }
    this.#now = end;
  }
}

export class FakeStorage {
  #values = new Map();
  getItem = (key) => this.#values.get(key) ?? null;
  setItem = (key, value) => void this.#values.set(key, value);
  removeItem = (key) => void this.#values.delete(key);
}

export const CREATED = {
  type: "session_created", seq: 1, session_id: "s-1", resume_token: "t-1", resume_window_s: 120, heartbeat_s: 20,
  features: [], audio: null, protocol: "voice-agent.v2", timestamp: "2025-07-20T10:30:00Z",
};

export const resumed = (values) => ({
  type: "session_resumed", session_id: "s-1", resume_token: "t-2", replayed: 0, gap: false, next_seq: 2, ...values,
});

export const accepted = (seq, { id }, turn_id) => ({ type: "message_accepted", seq, id, turn_id, durable: false });

export const completed = (seq, turn_id, text, finish_reason = "stop") => ({
  type: "response_complete", seq, turn_id, text, finish_reason, content: "", usage: null, timings_ms: null,
  durable: false,
});

const EVENTS = [
  "connection", "open", "resumed", "renewed", "history", "current", "sent", "accepted", "state", "turn", "chunk",
  "complete", "interrupted", "tool", "error", "notice", "going_away", "message", "speech_started",
  "speech_stopped", "transcript", "audio_started", "audio", "audio_complete", "playback_hint", "approval_requested", "features",
];

/** A client in a fake world, with all that it said. */
export function world(options = {}) {
  const sockets = [];
  const events = [];
  const timers = new FakeTimers();
  const chance = { value: 1 };
  class Socket extends FakeSocket {
    constructor(...values) {
      super(...values);
      sockets.push(this);
    }
  }
  const client = new VoiceAgentClient("ws://test/ws", {
    WebSocket: Socket, timers, random: () => chance.value, userId: "ana", ...options,
  });
  for (const type of EVENTS) client.addEventListener(type, ({ detail }) => events.push([type, detail]));
  const last = () => sockets.at(-1);
  return {
    client, sockets, timers, chance, events,
    last,
    of: (type) => events.filter(([name]) => name === type).map(([, detail]) => detail),
    /** Connects and opens a session. */
    begins() {
      client.connect();
      last().happens("open");
      last().hears(CREATED);
      return last();
    },
    /** The connection breaks, the next one is there, and the server has said this to `resume`. */
    returns(code, ...answers) {
      last().happens("close", { code, reason: "" });
      timers.pass(60_000);
      last().happens("open");
      last().hears(...answers);
      return last();
    },
  };
}
