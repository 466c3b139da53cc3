// @ts-check
/** Shows the talk: each text with its tools and its answer below it, each turn of the agent on its own. */

import { Alert, errorSentence } from "./alert.js";
import { announce } from "./announcer.js";
import { make, part, typingDots } from "./dom.js";
import { phrase, show } from "./language.js";
import { cutNotice, newMessage } from "./message.js";
import { leave, offerEdit, offerRegeneration } from "./revising.js";
import { ToolsView } from "./view-tools.js";

/** @typedef {import("./talk-view.js").TalkView} TalkView */
/** @typedef {import("./message.js").ChatMessage} ChatMessage */

/** @typedef {{place: HTMLElement, answer: ChatMessage | null, dots: HTMLElement}} TurnParts */
/** @typedef {TurnParts & {label: import("./texts.js").TextKey, at: number | null}} TurnView */

/** @implements {TalkView} */
export class TalkPage {
  #log = part("log");
  #alert = new Alert();
  #again;
  #revise;
  #tools;
  #isQuiet = false;
  /** @type {Map<string, ChatMessage>} */
  #texts = new Map();
  /** @type {Map<string, TurnView>} */
  #turns = new Map();
  #lastNotice = "";
  /** @type {HTMLElement | null} */
  #hint = null;

  /** The language that the agent answers in; empty until it is known. */
  agentLanguage = "";

  /**
   * @param {(content: string) => void} again Sends a text once more.
   * @param {import("./view-tools.js").ToolActs} acts What can be done about a tool.
   * @param {import("./revising.js").Revise} revise Asks a text anew, or other words in its place.
   */
  constructor(again, acts, revise) {
    this.#again = again;
    this.#revise = revise;
    this.#tools = new ToolsView(acts, {
      place: (turn, card) => this.#placeTool(turn, card),
      announce: (text) => this.#announce(text),
    });
  }

  /** Whether anybody has said anything. */
  get isEmpty() {
    return this.#texts.size === 0;
  }

  /** @type {TalkView["addText"]} */
  addText(id, content, at) {
    this.#hint?.remove();
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

  markCut = /** @type {TalkView["markCut"]} */ ((id) =>
    (this.#texts.get(id)?.parentElement ?? this.#turns.get(id)?.place)?.append(cutNotice()));

  rewordText = /** @type {TalkView["rewordText"]} */ ((id, content) => this.#texts.get(id)?.reword(content));

  /** @type {TalkView["removeText"]} */
  removeText(id) {
    leave(this.#texts.get(id)?.parentElement);
    this.#texts.delete(id);
  }

  wordsOf = /** @type {TalkView["wordsOf"]} */ ((id) => this.#texts.get(id)?.text ?? "");

  /** @type {TalkView["bindText"]} */
  bindText(id, turn) {
    const message = this.#texts.get(id);
    if (message) offerEdit(message, (content) => this.#revise(turn, content));
  }

  /** @type {TalkView["removeTurn"]} */
  removeTurn(turn) {
    const view = this.#turns.get(turn);
    // An answer leaves with its question, and the agent's own words by themselves.
    if (view) leave(view.place);
    this.#turns.delete(turn);
  }

  /** @type {TalkView["showMood"]} */
  showMood(id, mood) {
    const message = this.#texts.get(id);
    message?.feel(mood);
    if (message) this.#announce(phrase("heard.announced", { text: message.text }));
  }

  takeBack = /** @type {TalkView["takeBack"]} */ ((turn) => this.#turns.get(turn)?.answer?.remove());

  /**
   * @param {string} turn
   * @param {HTMLElement} times
   */
  showTimes(turn, times) {
    this.#turns.get(turn)?.answer?.attach(times);
  }

  /** @type {TalkView["openTurn"]} */
  openTurn(turn, text, at, source = "tool") {
    const isFirst = this.isEmpty && this.#turns.size === 0;
    const question = text === null ? undefined : this.#texts.get(text);
    const place = question?.parentElement ?? this.#place("agent");
    const dots = typingDots();
    place.append(dots);
    // Who is spoken to first is greeted; later it is news.
    const own = source === "tool" ? "answer.background" : isFirst ? "answer.agent" : "answer.own";
    this.#turns.set(turn, { place, answer: null, dots, label: question ? "answer.agent" : own, at });
  }

  /** @type {TalkView["addChunk"]} */
  addChunk(turn, content) {
    const view = this.#turns.get(turn);
    if (!view) return;
    if (!view.answer) {
      view.answer = newMessage().begin("agent", view.label, this.agentLanguage, view.at);
      view.dots.replaceWith(view.answer);
    }
    view.answer.add(content);
  }

  /** @type {TalkView["closeTurn"]} */
  closeTurn(turn, ending, heard) {
    const view = this.#turns.get(turn);
    view?.dots.remove();
    view?.answer?.complete(ending, heard);
    if (view?.answer && view.label === "answer.agent" && view.place.dataset.source === "user") {
      offerRegeneration(view.answer, () => this.#revise(turn));
    }
    if (view?.answer && !this.#isQuiet) announce(phrase("answer.announced", { text: view.answer.spoken }));
  }

  startTool = /** @type {TalkView["startTool"]} */ ((...run) => this.#tools.start(...run));
  detailTool = /** @type {TalkView["detailTool"]} */ ((...details) => this.#tools.explain(...details));
  moveTool = /** @type {TalkView["moveTool"]} */ ((...step) => this.#tools.move(...step));
  endTool = /** @type {TalkView["endTool"]} */ ((...ending) => this.#tools.end(...ending));
  askApproval = /** @type {TalkView["askApproval"]} */ ((...request) => this.#tools.ask(...request));
  endApproval = /** @type {TalkView["endApproval"]} */ ((call) => this.#tools.settle(call));

  /** @type {TalkView["notice"]} */
  notice(sentence, turn) {
    // After a reconnect the server introduces itself again.
    if (sentence === this.#lastNotice && turn === null) return;
    this.#lastNotice = sentence;
    (this.#turns.get(turn ?? "")?.place ?? this.#log).append(make("p", "notice", sentence));
    this.#announce(sentence);
  }

  /** @type {TalkView["fail"]} */
  fail(error, { turn, text }) {
    this.#hint?.remove();
    const place = this.#turns.get(turn ?? "")?.place ?? this.#texts.get(text ?? "")?.parentElement;
    const sentence = errorSentence(error);
    // What belongs to a text stands below it; only what has no place in the talk is told above the box.
    place?.append(sentence);
    // What failed before a reload stands in the talk; it is no news.
    if (this.#isQuiet) return;
    if (place) this.#announce(sentence.textContent ?? "");
    else this.#alert.tell(sentence.textContent ?? "");
  }

  /** Takes the last error away. */
  clearAlert() {
    this.#alert.clear();
  }

  /** Something that the page itself cannot do. @param {import("./texts.js").TextKey} key */
  refuse(key) {
    this.#alert.tell(phrase(key));
  }

  /** Something that was begun. @param {import("./texts.js").TextKey} key */
  hint(key) {
    const sentence = make("p", "notice");
    show(sentence, key);
    this.#log.append(sentence);
    this.#announce(phrase(key));
    this.#hint = sentence;
  }

  /** Marks that the agent begins anew below; what it has not been told yet belongs there. */
  markNewSession() {
    const divider = make("p", "divider");
    show(divider, "session.new");
    const untold = this.#log.querySelector('.exchange:has([data-status="waiting"], [data-status="queued"])');
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

  /**
   * Tools stand between the question and the answer, also those that start in the middle of it.
   *
   * @param {string | null} turn
   * @param {HTMLElement} card
   */
  #placeTool(turn, card) {
    const view = this.#turns.get(turn ?? "");
    if (view) (view.answer ?? view.dots).before(card);
    if (!card.isConnected) this.#log.append(card);
  }

  /** @param {string} text */
  #announce(text) {
    if (!this.#isQuiet) announce(text);
  }
}
