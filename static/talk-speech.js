// @ts-check
/** What the user says aloud, as the texts of a talk: shown while it is said, reworded, or taken back. No DOM. */

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {import("./voice-agent-client.js").ClientEvents} ClientEvents */
/** @typedef {import("./talk-view.js").TalkView} TalkView */
/** @typedef {import("./talk-view.js").TextStatus} TextStatus */

export class TalkSpeech {
  #view;
  #client;
  #texts;
  #textOfTurn;
  /** The texts that utterances became. @type {Map<string, string>} */
  #ids = new Map();

  /**
   * @param {TalkView} view
   * @param {VoiceAgentClient} client
   * @param {Map<string, TextStatus>} texts How each text of the talk stands.
   * @param {ReadonlyMap<string, string>} textOfTurn
   */
  constructor(view, client, texts, textOfTurn) {
    this.#view = view;
    this.#client = client;
    this.#texts = texts;
    this.#textOfTurn = textOfTurn;
    client.addEventListener("transcript", ({ detail }) => this.#hear(detail));
    client.addEventListener("speech_stopped", ({ detail }) => this.#stop(detail));
  }

  /** @param {string} utterance */
  textOf(utterance) {
    return this.#ids.get(utterance) ?? utterance;
  }

  /** @param {ClientEvents["transcript"]} transcript */
  #hear({ utterance_id: utterance, content, final, emotion }) {
    let id = this.textOf(utterance);
    const status = this.#texts.get(id);
    // Who goes on with what was taken for finished is shown when all of it is known.
    if (status && status !== "hearing" && !final) return;
    // What was answered stays as it was; this is said after it.
    if (status && status !== "hearing" && status !== "interrupted") id = `${id}+`;
    if (status && id === this.textOf(utterance)) this.#view.rewordText(id, content);
    else this.#view.addText(id, content, this.#client.isCurrent ? Date.now() : null);
    this.#ids.set(utterance, id);
    this.#mark(id, final ? "sent" : "hearing");
    if (!final) return;
    this.#view.showMood(id, emotion?.label ?? "neutral");
    // An answer that nobody has heard is none.
    for (const [turn, text] of this.#textOfTurn) if (text === id) this.#view.takeBack(turn);
  }

  /** @param {ClientEvents["speech_stopped"]} message */
  #stop({ utterance_id: utterance, empty }) {
    const id = this.textOf(utterance);
    if (!empty || this.#texts.get(id) !== "hearing") return;
    this.#texts.delete(id);
    this.#view.removeText(id);
  }

  /** @type {TalkView["markText"]} */
  #mark(id, status) {
    this.#texts.set(id, status);
    this.#view.markText(id, status);
  }
}
