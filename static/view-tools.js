// @ts-check
/** Shows the tools of a talk: their runs, and what waits for the user's word. */

import { ApprovalCard } from "./approval-card.js";
import { ToolCard } from "./tool-card.js";
import { phrase } from "./language.js";

/** @typedef {import("./talk-view.js").TalkView} TalkView */

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {Pick<VoiceAgentClient, "cancelTool" | "approveTool">} ToolActs */

/**
 * @typedef {object} Surroundings
 * @property {(turn: string | null, card: HTMLElement) => void} place
 * @property {(text: string) => void} announce
 */

export class ToolsView {
  #acts;
  #around;
  /** @type {Map<string, ToolCard>} */
  #runs = new Map();
  /** @type {Map<string, ApprovalCard>} */
  #questions = new Map();

  /**
   * @param {ToolActs} acts
   * @param {Surroundings} around
   */
  constructor(acts, around) {
    this.#acts = acts;
    this.#around = around;
  }

  /** @type {TalkView["startTool"]} */
  start(call, toolName, turn) {
    const card = /** @type {ToolCard} */ (document.createElement("tool-card"));
    card.begin(toolName, () => this.#acts.cancelTool(call));
    this.#runs.set(call, card);
    this.#around.place(turn, card);
  }

  /** @type {TalkView["detailTool"]} */
  explain(call, details) {
    this.#runs.get(call)?.explain(details);
  }

  /** @type {TalkView["moveTool"]} */
  move(call, elapsedS, message, fraction) {
    this.#runs.get(call)?.move(elapsedS, message, fraction);
  }

  /** @type {TalkView["endTool"]} */
  end(call, ending, elapsedS) {
    const card = this.#runs.get(call);
    card?.end(ending, elapsedS);
    if (card) this.#around.announce(card.spoken);
  }

  /** @type {TalkView["askApproval"]} */
  ask(call, toolName, values, seconds, turn, mayRepeat) {
    const card = /** @type {ApprovalCard} */ (document.createElement("approval-card"));
    card.begin(toolName, values, seconds, (isApproved) => this.#acts.approveTool(call, isApproved));
    if (mayRepeat) card.warn();
    this.#questions.set(call, card);
    this.#around.place(turn, card);
    this.#around.announce(phrase("approval.announced", { name: toolName }));
  }

  /** @type {TalkView["endApproval"]} */
  settle(call) {
    this.#questions.get(call)?.remove();
    this.#questions.delete(call);
  }

  clear() {
    this.#runs.clear();
    this.#questions.clear();
  }
}
