// @ts-check
/** The list of the user's talks: to go on with one, to take it away as a file, to delete it. */

import { announce } from "./announcer.js";
import { ask, RestError } from "./api.js";
import { confirmed } from "./confirm.js";
import { part } from "./dom.js";
import { locale, phrase, show } from "./language.js";
import { SidePanel } from "./side.js";
import { exportAddress, TalkEntry, titleOf } from "./talk-entry.js";
import { grouped } from "./talk-groups.js";

/** @typedef {import("./talk-entry.js").TalkFacts} TalkFacts */

export const ANONYMOUS = "anonymous";

const PAGE_LENGTH = 30;
const MAX_LENGTH = 500;
/** Several things that happen at once are one refresh. */
const GATHER_MS = 300;

export class TalksPanel extends SidePanel {
  #acts;
  #list = part("talks-list");
  #note = part("talks-note");
  #more = part("talks-more");
  #search = /** @type {HTMLInputElement} */ (part("talks-search"));
  /** @type {Map<string, TalkEntry>} */
  #entries = new Map();
  /** @type {TalkFacts[]} */
  #talks = [];
  #userId = "";
  #sessionId = "";
  /** What is shown, and in which language. */
  #order = "";
  #isKept = true;
  /** @type {string | null} */
  #cursor = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #planned;
  /** How often the list was asked for, or changed here: what was asked for earlier is out of date. */
  #age = 0;
  #isMoreAsked = false;

  /** @param {{open: (sessionId: string) => void, leave: () => void}} acts `leave`: the talk on the page goes. */
  constructor(acts) {
    super("talks", "start", () => this.refresh());
    this.#acts = acts;
    this.#more.addEventListener("click", () => void this.#loadMore());
    this.#search.addEventListener("input", () => {
      this.#cursor = null;
      this.refresh();
    });
  }

  /**
   * @param {string} userId Whose talks; empty while nobody knows.
   * @param {string} sessionId The one on the page; empty where there is none yet.
   * @param {boolean} isKept Whether the server keeps talks at all.
   */
  follow(userId, sessionId, isKept) {
    this.#isKept = isKept;
    if (userId !== this.#userId) {
      this.#cursor = null;
      this.#talks = [];
    }
    this.#userId = userId;
    this.#sessionId = sessionId;
    this.retell();
    this.refresh();
  }

  /** Whether there are talks to come back to. */
  get hasList() {
    return this.#isKept && this.#userId !== "" && this.#userId !== ANONYMOUS;
  }

  /** Asks the server soon; nothing is asked while nobody can see it. */
  refresh() {
    if (!this.isOpen || !this.hasList || this.#planned) return;
    this.#planned = setTimeout(() => {
      this.#planned = undefined;
      // What is on its way belongs to the list as it is.
      if (this.#isMoreAsked) this.refresh();
      else if (this.hasList) void this.#load(null);
    }, GATHER_MS);
  }

  /** Shows what is known, in the language of now. */
  retell() {
    const isNobody = this.#userId === ANONYMOUS;
    part("talks-choose").hidden = !isNobody;
    part("talks-find").hidden = !this.hasList;
    this.#more.hidden = this.#cursor === null;
    if (!this.#isKept) this.#tell("rest.off");
    else if (isNobody) this.#tell("talks.anonymous");
    else if (this.#talks.length === 0) this.#tell(this.#wanted ? "talks.notFound" : "talks.none");
    else this.#tell(null);
    const shown = new Map(this.#talks.map((talk) => [talk.session_id, this.#entryOf(talk)]));
    const order = [locale(), ...shown.keys()].join();
    this.#entries = shown;
    if (order === this.#order) return;
    this.#order = order;
    const focused = document.activeElement;
    const elementOf = (/** @type {TalkFacts} */ talk) => /** @type {TalkEntry} */ (shown.get(talk.session_id)).element;
    this.#list.replaceChildren(...grouped(this.#talks, elementOf));
    // An element that is put in again loses the focus.
    if (focused instanceof HTMLElement && this.#list.contains(focused)) focused.focus();
  }

  /** @param {TalkFacts} talk */
  #entryOf(talk) {
    const entry = this.#entries.get(talk.session_id) ?? new TalkEntry(talk, {
      open: ({ session_id }) => this.#open(session_id),
      exported: (chosen) => void this.#attempt(() => save(chosen)),
      erase: (chosen) => void this.#erase(chosen),
      rename: (chosen, title) => void this.#rename(chosen, title),
    });
    entry.show(talk, talk.session_id === this.#sessionId);
    return entry;
  }

  async #loadMore() {
    this.#isMoreAsked = true;
    try {
      await this.#load(this.#cursor);
    } finally {
      this.#isMoreAsked = false;
    }
  }

  /** @param {string | null} cursor null: from the newest on, as many as are shown. */
  async #load(cursor) {
    const userId = this.#userId;
    const length = cursor === null ? Math.max(PAGE_LENGTH, this.#talks.length) : PAGE_LENGTH;
    const query = new URLSearchParams({ spoken: "true", limit: String(Math.min(length, MAX_LENGTH)) });
    const wanted = this.#wanted;
    const age = ++this.#age;
    if (wanted) query.set("q", wanted);
    if (cursor !== null) query.set("cursor", cursor);
    await this.#attempt(async () => {
      const answer = await ask(`/users/${encodeURIComponent(userId)}/sessions?${query}`);
      const { sessions, next_cursor: next = null } = await answer.json();
      if (age !== this.#age || userId !== this.#userId || wanted !== this.#wanted) return;
      this.#talks = cursor === null ? sessions : [...this.#talks, ...sessions];
      this.#cursor = next;
      this.retell();
    });
  }

  /** What is searched for. */
  get #wanted() {
    return this.#search.value.trim();
  }

  /**
   * @param {TalkFacts} talk
   * @param {string} title
   */
  async #rename(talk, title) {
    await this.#attempt(async () => {
      const address = `/sessions/${encodeURIComponent(talk.session_id)}`;
      const answer = await ask(address, { method: "PATCH", value: { title } });
      const { title: given } = await answer.json();
      this.#change(this.#talks.map((each) => (each.session_id === talk.session_id ? { ...each, title: given } : each)));
      announce(phrase("talks.renamed"));
    });
  }

  /** @param {string} sessionId */
  #open(sessionId) {
    if (this.isOver) this.close();
    if (sessionId !== this.#sessionId) this.#acts.open(sessionId);
  }

  /** @param {TalkFacts} talk */
  async #erase(talk) {
    const values = { title: titleOf(talk) };
    const question = /** @type {const} */ ({ title: "talks.eraseTitle", text: "talks.eraseText", yes: "talks.eraseYes" });
    if (!(await confirmed({ ...question, values }))) return;
    await this.#attempt(async () => {
      if (talk.session_id === this.#sessionId) this.#acts.leave();
      await ask(`/sessions/${encodeURIComponent(talk.session_id)}`, { method: "DELETE" });
      const place = this.#talks.findIndex(({ session_id }) => session_id === talk.session_id);
      this.#change(this.#talks.filter(({ session_id }) => session_id !== talk.session_id));
      announce(phrase("talks.erased"));
      const next = this.#talks[Math.min(place, this.#talks.length - 1)];
      if (next) this.#entries.get(next.session_id)?.focus();
      else part("talks-new").focus();
    });
  }

  /** @param {TalkFacts[]} talks The list as the server has it now; what it told before may be another one. */
  #change(talks) {
    this.#age += 1;
    this.#talks = talks;
    this.retell();
    this.refresh();
  }

  /** @param {() => Promise<void>} act What may fail; the sentence says so. */
  async #attempt(act) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof RestError)) throw error;
      this.#tell(error.key, { code: error.code });
    }
  }

  /**
   * @param {import("./texts.js").TextKey | null} sentence
   * @param {import("./language.js").Values} [values]
   */
  #tell(sentence, values) {
    this.#note.hidden = sentence === null;
    if (sentence) show(this.#note, sentence, values);
  }
}

/** Gives the browser a talk as a file. @param {TalkFacts} talk */
async function save({ session_id: sessionId }) {
  const content = await (await ask(exportAddress(sessionId))).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = `talk-${sessionId}.md`;
  link.click();
  // The download has its own hold on the content once it has begun, which is after this task.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
