// @ts-check
/**
 * What belongs to what: which text an answer answers, which turn called a tool. No DOM.
 *
 * Accepted texts are answered in order. A turn that nobody asked for (the first thing that is heard is not
 * "thinking") is the agent's own: it tells the result of a tool that ran in the background.
 */

import { ToolRuns } from "./tool-runs.js";

/** @typedef {import("./protocol-v1.js").PageEvent} PageEvent */
/** @typedef {import("./protocol-v1.js").ToolEnding} ToolEnding */
/** @typedef {"waiting" | "queued" | "sent" | "accepted" | "answered" | "failed" | "lost"} TextStatus */

/**
 * What shows the talk.
 *
 * @typedef {object} TalkView
 * @property {(id: string, status: TextStatus) => void} markText
 * @property {(turn: string, text: string | null) => void} openTurn `text` null: the agent's own turn.
 * @property {(turn: string, content: string) => void} addChunk
 * @property {(turn: string, isWhole: boolean) => void} closeTurn
 * @property {(run: string, name: string, turn: string) => void} startTool
 * @property {(run: string, elapsedS: number, message: string) => void} moveTool
 * @property {(run: string, ending: ToolEnding | "lost", elapsedS: number | null, sentence: string) => void} endTool
 * @property {(sentence: string, turn: string | null) => void} notice
 * @property {(sentence: string, place: {turn?: string, text?: string}) => void} fail
 */

/** @typedef {{id: string, text: string | null, phase: "thinking" | "tool" | "speaking"}} Turn */

export class Talk {
  #view;
  /** @type {string[]} */
  #sent = [];
  /** @type {string[]} */
  #accepted = [];
  /** @type {Turn | null} */
  #turn = null;
  #runs;
  #turns = 0;

  /**
   * @param {TalkView} view
   * @param {() => number} now Milliseconds from any point.
   */
  constructor(view, now) {
    this.#view = view;
    this.#runs = new ToolRuns(now);
  }

  /** Texts that left and have no answer yet. */
  get unanswered() {
    return this.#sent.length + this.#accepted.length + (this.#turn?.text ? 1 : 0);
  }

  /** @returns {{state: "idle" | "thinking" | "speaking" | "tool", tools: string[]}} */
  get activity() {
    const tools = this.#runs.names;
    if (this.#turn) return { state: this.#turn.phase, tools };
    return { state: tools.length > 0 ? "tool" : "idle", tools };
  }

  /**
   * A text has left the page.
   *
   * @param {string} id
   */
  sent(id) {
    this.#sent.push(id);
    this.#view.markText(id, "sent");
  }

  /** The connection is gone, and with it whatever the server was doing. */
  cut() {
    if (this.#turn) {
      this.#view.closeTurn(this.#turn.id, false);
      if (this.#turn.text) this.#view.markText(this.#turn.text, "lost");
    }
    for (const id of [...this.#accepted, ...this.#sent]) this.#view.markText(id, "lost");
    for (const run of this.#runs.removeAll()) this.#view.endTool(run.id, "lost", null, "");
    this.#turn = null;
    this.#accepted = [];
    this.#sent = [];
  }

  /**
   * The server said something.
   *
   * @param {PageEvent} event
   */
  receive(event) {
    switch (event.kind) {
      case "accepted":
        return this.#accept();
      case "thinking":
        return this.#begin(this.#accepted.shift() ?? null);
      case "chunk":
        return this.#speak(event.content);
      case "completed":
        return this.#complete();
      case "failed":
        return this.#fail(event.sentence);
      case "refused":
        return this.#refuse(event.sentence);
      case "notice":
        return this.#view.notice(event.sentence, this.#turn?.id ?? null);
      case "tool_started":
        return this.#startTool(event.name);
      case "tool_progress":
        return this.#moveTool(event);
      case "tool_ended":
        return this.#endTool(event);
    }
  }

  #accept() {
    const id = this.#sent.shift();
    if (!id) return;
    this.#accepted.push(id);
    this.#view.markText(id, "accepted");
  }

  /** @param {string | null} text */
  #begin(text) {
    this.#turns += 1;
    /** @type {Turn} */
    const turn = { id: `turn-${this.#turns}`, text, phase: "thinking" };
    this.#turn = turn;
    this.#view.openTurn(turn.id, text);
    return turn;
  }

  /** @param {string} content */
  #speak(content) {
    const turn = this.#turn ?? this.#begin(null);
    turn.phase = "speaking";
    this.#view.addChunk(turn.id, content);
  }

  #complete() {
    const turn = this.#turn;
    if (!turn) return;
    this.#turn = null;
    this.#view.closeTurn(turn.id, true);
    if (turn.text) this.#view.markText(turn.text, "answered");
  }

  /** @param {string} sentence */
  #fail(sentence) {
    const turn = this.#turn;
    if (!turn) return this.#refuse(sentence);
    this.#turn = null;
    this.#view.closeTurn(turn.id, false);
    this.#view.fail(sentence, { turn: turn.id });
    if (turn.text) this.#view.markText(turn.text, "failed");
  }

  /**
   * An error outside a turn is about the oldest text without a receipt, if there is one.
   *
   * @param {string} sentence
   */
  #refuse(sentence) {
    const text = this.#sent.shift();
    this.#view.fail(sentence, { text });
    if (text) this.#view.markText(text, "failed");
  }

  /** @param {string} name */
  #startTool(name) {
    const turn = this.#turn ?? this.#begin(null);
    turn.phase = "tool";
    const run = this.#runs.start(name, turn.id);
    this.#view.startTool(run.id, name, turn.id);
    return run;
  }

  /** @param {Extract<PageEvent, {kind: "tool_progress"}>} event */
  #moveTool(event) {
    const run = this.#runs.find(event.name, event.elapsedS);
    if (run) this.#view.moveTool(run.id, event.elapsedS, event.message);
  }

  /** @param {Extract<PageEvent, {kind: "tool_ended"}>} event */
  #endTool(event) {
    // A call that could not even start (an unknown tool, wrong arguments) has nothing but an ending.
    const run = this.#runs.find(event.name, event.elapsedS) ?? this.#startTool(event.name);
    this.#runs.remove(run);
    this.#view.endTool(run.id, event.ending, event.elapsedS, event.sentence);
    const turn = this.#turn;
    if (turn?.phase === "tool" && !this.#runs.isRunningFor(turn.id)) turn.phase = "thinking";
  }
}
