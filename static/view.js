// @ts-check
/** Shows the talk: each text with its tools and its answer below it, each turn of the agent on its own. */

import { announce } from "./announcer.js";
import { make, part } from "./dom.js";
import { ChatMessage, ToolCard } from "./elements.js";
import { phrase, show } from "./language.js";

/** @typedef {import("./talk-view.js").TalkView} TalkView */

/** @typedef {{place: HTMLElement, answer: ChatMessage | null, dots: HTMLElement}} TurnParts */
/** @typedef {TurnParts & {isOwn: boolean, at: number | null}} TurnView */

/**
 * What the page says itself: of faults on its own side, and before the server knows its language.
 *
 * @type {Record<string, import("./texts.js").TextKey>}
 */
const OWN_SENTENCES = {
  refused_on_wire: "error.refused",
  ending_lost: "error.lost",
  resume_refused: "error.notContinued",
};

/** @implements {TalkView} */
export class TalkPage {
  #log = part("log");
  #alert = part("alert");
  #again;
  #cancel;
  #isQuiet = false;
  /** @type {Map<string, ChatMessage>} */
  #texts = new Map();
  /** @type {Map<string, TurnView>} */
  #turns = new Map();
  /** @type {Map<string, ToolCard>} */
  #tools = new Map();
  #lastNotice = "";

  /** The language that the agent answers in; empty until it is known. */
  agentLanguage = "";

  /**
   * @param {(content: string) => void} again Sends a text once more.
   * @param {(call: string) => void} cancel Ends a tool's run.
   */
  constructor(again, cancel) {
    this.#again = again;
    this.#cancel = cancel;
    part("alert-close").addEventListener("click", () => this.clearAlert());
  }

  /** Whether anybody has said anything. */
  get isEmpty() {
    return this.#texts.size === 0;
  }

  /** @type {TalkView["addText"]} */
  addText(id, content, at) {
    const message = newMessage().begin("user", "answer.you", "", at);
    message.add(content);
    message.complete("whole");
    this.#texts.set(id, message);
    this.#place("user").append(message);
  }

  /** @type {TalkView["markText"]} */
  markText(id, status) {
    const message = this.#texts.get(id);
    message?.mark(status, () => this.#again(message.text));
  }

  /** @type {TalkView["openTurn"]} */
  openTurn(turn, text, at) {
    const question = text === null ? undefined : this.#texts.get(text);
    const place = question?.parentElement ?? this.#place("agent");
    const dots = typingDots();
    place.append(dots);
    this.#turns.set(turn, { place, answer: null, dots, isOwn: !question, at });
  }

  /** @type {TalkView["addChunk"]} */
  addChunk(turn, content) {
    const view = this.#turns.get(turn);
    if (!view) return;
    if (!view.answer) {
      const label = view.isOwn ? "answer.background" : "answer.agent";
      view.answer = newMessage().begin("agent", label, this.agentLanguage, view.at);
      view.dots.replaceWith(view.answer);
    }
    view.answer.add(content);
  }

  /** @type {TalkView["closeTurn"]} */
  closeTurn(turn, ending) {
    const view = this.#turns.get(turn);
    view?.dots.remove();
    view?.answer?.complete(ending);
    if (view?.answer) this.#announce(phrase("answer.announced", { text: view.answer.text }));
  }

  /** @type {TalkView["startTool"]} */
  startTool(call, toolName, turn) {
    const card = /** @type {ToolCard} */ (document.createElement("tool-card"));
    card.begin(toolName, () => this.#cancel(call));
    this.#tools.set(call, card);
    const view = this.#turns.get(turn ?? "");
    // Tools stand between the question and the answer, also those that start in the middle of it.
    if (view) (view.answer ?? view.dots).before(card);
    else this.#log.append(card);
  }

  /** @type {TalkView["moveTool"]} */
  moveTool(call, elapsedS, message, fraction) {
    this.#tools.get(call)?.move(elapsedS, message, fraction);
  }

  /** @type {TalkView["endTool"]} */
  endTool(call, ending, elapsedS) {
    const card = this.#tools.get(call);
    card?.end(ending, elapsedS);
    if (card) this.#announce(card.spoken);
  }

  /** @type {TalkView["notice"]} */
  notice(sentence, turn) {
    // After a reconnect the server introduces itself again.
    if (sentence === this.#lastNotice && turn === null) return;
    this.#lastNotice = sentence;
    (this.#turns.get(turn ?? "")?.place ?? this.#log).append(make("p", "notice", sentence));
    this.#announce(sentence);
  }

  /** @type {TalkView["fail"]} */
  fail({ code, content }, { turn, text }) {
    const place = this.#turns.get(turn ?? "")?.place ?? this.#texts.get(text ?? "")?.parentElement ?? this.#log;
    const sentence = make("p", "inline-error", content);
    const own = OWN_SENTENCES[code];
    if (own) show(sentence, own);
    // A talk that does not go on is no part of the one that is shown.
    if (code !== "resume_refused") place.append(sentence);
    // What failed before a reload stands in the talk; it is no news.
    if (this.#isQuiet) return;
    part("alert-text").textContent = sentence.textContent;
    this.#alert.hidden = false;
  }

  /** Takes the last error away; it stays in the talk. */
  clearAlert() {
    this.#alert.hidden = true;
    part("alert-text").textContent = "";
  }

  /** Marks that the agent begins anew below; what it has not been told yet belongs there. */
  markNewSession() {
    const divider = make("p", "divider");
    show(divider, "session.new");
    const untold = this.#log.querySelector('.exchange:has([data-status="waiting"])');
    this.#log.insertBefore(divider, untold);
    this.#announce(phrase("session.new"));
  }

  /** @type {TalkView["beQuiet"]} */
  beQuiet(isQuiet) {
    this.#isQuiet = isQuiet;
  }

  /** Begins with an empty page. */
  clear() {
    this.#log.replaceChildren();
    this.#texts.clear();
    this.#turns.clear();
    this.#tools.clear();
    this.#lastNotice = "";
    this.clearAlert();
  }

  /** @param {"user" | "agent"} source Whose words begin it. */
  #place(source) {
    const place = make("div", "exchange");
    place.dataset.source = source;
    this.#log.append(place);
    return place;
  }

  /** @param {string} text */
  #announce(text) {
    if (!this.#isQuiet) announce(text);
  }
}

function newMessage() {
  return /** @type {ChatMessage} */ (document.createElement("chat-message"));
}

function typingDots() {
  const dots = make("div", "typing", ...Array.from({ length: 3 }, () => make("span", "")));
  dots.setAttribute("aria-hidden", "true");
  return dots;
}
