// @ts-check
/**
 * What belongs to what: which text an answer answers, which turn called a tool. No DOM.
 *
 * Everything goes by the server's ids, so that turns, drops, replays and interruptions may come in any mixture.
 */

import { TalkSpeech } from "./talk-speech.js";
import { TalkTools } from "./talk-tools.js";

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {import("./voice-agent-client.js").ClientEvents} ClientEvents */
/** @typedef {import("./talk-view.js").TalkView} TalkView */
/** @typedef {import("./talk-view.js").TextStatus} TextStatus */

/** How a text stands whose turn has ended, as a history says it. */
const STATUS_OF_ENDING = /** @type {const} */ ({ complete: "answered", interrupted: "interrupted", failed: "failed" });

export class Talk {
  #view;
  #client;
  /** How each text that is shown stands. @type {Map<string, TextStatus>} */
  #texts = new Map();
  /** The text that a turn answers. @type {Map<string, string>} */
  #textOfTurn = new Map();
  /** Turns that are shown and have not ended, with what they have said. @type {Map<string, string>} */
  #turns = new Map();
  /** Turns in whose place others came: nothing that still comes of them is shown. @type {Set<string>} */
  #superseded = new Set();
  #tools;
  #speech;

  /**
   * @param {TalkView} view
   * @param {VoiceAgentClient} client
   */
  constructor(view, client) {
    this.#view = view;
    this.#client = client;
    this.#tools = new TalkTools(view, client);
    this.#speech = new TalkSpeech(view, client, this.#texts, this.#textOfTurn);
    const handlers = {
      sent: this.#mark,
      accepted: this.#accept,
      turn: this.#begin,
      chunk: this.#speak,
      complete: this.#complete,
      error: this.#fail,
      notice: this.#notice,
      history: this.#restore,
      renewed: this.#cut,
      // Over a drop, what was missed is news; after a reload it was read aloud before.
      resumed: () => view.beQuiet(this.#texts.size === 0),
      current: this.#catchUp,
    };
    for (const [name, handle] of Object.entries(handlers)) {
      client.addEventListener(/** @type {keyof ClientEvents} */ (name), ({ detail }) =>
        /** @type {(detail: any) => void} */ (handle).call(this, detail),
      );
    }
  }

  /**
   * Shows a text that was said, if it is not there yet.
   *
   * @param {{id: string, content: string, at: number}} text
   */
  add({ id, content, at }) {
    // The words of a revision that keeps them are known with its receipt.
    if (this.#texts.has(id) || !content) return;
    this.#view.addText(id, content, at);
    // Where there is a connection, it is the server that has to have room.
    this.#setStatus(id, this.#client.isCurrent ? "queued" : "waiting");
  }

  /** Forgets everything. */
  clear() {
    this.#texts.clear();
    this.#textOfTurn.clear();
    this.#turns.clear();
    this.#superseded.clear();
    this.#tools.clear();
    this.#view.clear();
  }

  /**
   * @param {{id: string, content: string, at: number}} text
   * @param {TextStatus} [status]
   */
  #mark(text, status = "sent") {
    this.add(text);
    if (this.#texts.has(text.id)) this.#setStatus(text.id, status);
  }

  /** @param {ClientEvents["accepted"]} message */
  #accept({ id: own, utterance_id, turn_id, content, at, supersedes = [] }) {
    const id = utterance_id ? this.#speech.textOf(utterance_id) : own;
    const words = this.#supersede(supersedes);
    if (id === null) return;
    if (content !== undefined) this.add({ id, content: content || words, at: at ?? Date.now() });
    // A receipt may come again, after a drop, when the text has had its answer.
    if (["waiting", "queued", "sent"].includes(this.#texts.get(id) ?? "")) this.#setStatus(id, "accepted");
    this.#bind(turn_id, id);
  }

  /**
   * @param {string} turn
   * @param {string} text The one that it answers.
   */
  #bind(turn, text) {
    this.#textOfTurn.set(turn, text);
    this.#view.bindText(text, turn);
  }

  /** @param {string[]} turns @returns {string} The words of the first text among them. */
  #supersede(turns) {
    let words = "";
    for (const turn of turns) {
      const text = this.#textOfTurn.get(turn);
      if (text !== undefined) words ||= this.#view.wordsOf(text);
      this.#superseded.add(turn);
      this.#turns.delete(turn);
      this.#textOfTurn.delete(turn);
      this.#view.removeTurn(turn);
      if (text === undefined) continue;
      this.#texts.delete(text);
      this.#view.removeText(text);
    }
    return words;
  }

  /** @param {ClientEvents["turn"]} message */
  #begin(message) {
    const { source } = message;
    this.#open(message, undefined, source === "user" ? undefined : source);
  }

  /**
   * @param {{turn_id: string}} message
   * @param {number | null} at When; a replay does not tell.
   * @param {"tool" | "agent"} [source] Why the agent speaks, where nobody has asked.
   */
  #open({ turn_id: turn }, at = this.#client.isCurrent ? Date.now() : null, source) {
    if (this.#turns.has(turn) || this.#superseded.has(turn)) return;
    // One that a restart cut begins anew: what was said to it before is said again, whole.
    this.#view.takeBack(turn);
    this.#turns.set(turn, "");
    this.#view.openTurn(turn, this.#textOfTurn.get(turn) ?? null, at, ...(source ? [source] : []));
  }

  /** @param {{turn_id: string, content: string}} message */
  #speak(message) {
    const { turn_id: turn, content } = message;
    this.#open(message);
    if (!this.#turns.has(turn)) return;
    this.#turns.set(turn, (this.#turns.get(turn) ?? "") + content);
    this.#view.addChunk(turn, content);
  }

  /** @param {{turn_id: string, finish_reason: string, text?: string}} message */
  #complete({ turn_id: turn, finish_reason, text: words }) {
    const isInterrupted = finish_reason === "interrupted";
    const text = this.#textOfTurn.get(turn);
    const isShort = finish_reason === "length" || finish_reason === "content_filter";
    this.#close(turn, isInterrupted ? "interrupted" : isShort ? "cut" : "whole", isInterrupted ? words : undefined);
    if (text) this.#setStatus(text, isInterrupted ? "interrupted" : "answered");
  }

  /** @param {ClientEvents["error"]} error */
  #fail(error) {
    // The dialog that asks for another token says it, and the voice's bar.
    if (error.code === "unauthorized" || error.code === "voice_loading") return;
    const turn = error.turn_id ?? null;
    const text = error.id ?? this.#textOfTurn.get(turn ?? "") ?? null;
    if (turn) this.#close(turn, "cut");
    this.#view.fail(error, { turn, text });
    if (text) this.#setStatus(text, "failed");
  }

  /** @param {ClientEvents["history"]} history */
  #restore({ messages, turn, tools, waiting = [] }) {
    this.#view.beQuiet(true);
    const begun = new Map(this.#turns);
    this.clear();
    const known = new Map(this.#client.openTexts.map((text) => [text.turnId ?? "", text]));
    for (const { role, content, turn_id, created_at, interrupted, truncated, ending, source } of messages) {
      const at = Date.parse(created_at);
      if (role === "user") {
        const id = known.get(turn_id)?.id ?? `of ${turn_id}`;
        this.#mark({ id, content, at }, ending ? STATUS_OF_ENDING[ending] : "accepted");
        this.#bind(turn_id, id);
        if (truncated) this.#view.markCut(id);
      } else {
        this.#open({ turn_id }, at, source === "backend" ? "agent" : undefined);
        this.#speak({ turn_id, content });
        if (truncated) this.#view.markCut(turn_id);
        this.#complete({ turn_id, finish_reason: interrupted ? "interrupted" : "stop" });
      }
    }
    this.#keepBegun(begun, messages, turn?.turn_id);
    for (const id of waiting) {
      const text = this.#textOfTurn.get(id);
      if (text) this.#setStatus(text, "accepted");
    }
    if (turn) this.#open(turn);
    if (turn?.truncated) this.#view.markCut(turn.turn_id);
    if (turn?.text) this.#speak({ turn_id: turn.turn_id, content: turn.text });
    const shown = new Set(messages.filter(({ role }) => role === "assistant").map(({ turn_id }) => turn_id));
    if (turn) shown.add(turn.turn_id);
    this.#tools.restore(tools, turn?.turn_id ?? null, (id) => shown.has(id));
  }

  /**
   * What a server had begun to say before it died stays, until it is said again.
   *
   * @param {Map<string, string>} begun
   * @param {ClientEvents["history"]["messages"]} messages
   * @param {string | undefined} running
   */
  #keepBegun(begun, messages, running) {
    const answered = new Set(messages.filter(({ role }) => role === "assistant").map(({ turn_id }) => turn_id));
    for (const [turn, words] of begun) {
      if (!words || turn === running || answered.has(turn) || !this.#textOfTurn.has(turn)) continue;
      this.#speak({ turn_id: turn, content: words });
      this.#close(turn, "cut");
    }
  }

  /** @param {ClientEvents["notice"]} message */
  #notice({ content }) {
    this.#view.notice(content, this.#client.turnId);
  }

  /** All that was missed is here; what has not left is shown below it. */
  #catchUp() {
    for (const text of this.#client.openTexts) this.add(text);
    this.#view.beQuiet(false);
  }

  /** The session is gone, and with it whatever the server was doing. @param {ClientEvents["renewed"]} renewal */
  #cut({ texts }) {
    for (const turn of [...this.#turns.keys()]) this.#close(turn, "cut");
    this.#tools.lose();
    for (const text of texts) this.#mark(text, "lost");
    this.#textOfTurn.clear();
  }

  /**
   * @param {string} turn
   * @param {import("./talk-view.js").Ending} ending
   * @param {string} [heard]
   */
  #close(turn, ending, heard) {
    if (!this.#turns.delete(turn)) return;
    this.#view.closeTurn(turn, ending, ...(heard === undefined ? [] : [heard]));
  }

  /** @type {TalkView["markText"]} */
  #setStatus(id, status) {
    this.#texts.set(id, status);
    this.#view.markText(id, status);
  }
}
