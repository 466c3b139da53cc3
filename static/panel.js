// @ts-check
/** The panel beside the talk: what the server says about the session. */

import { askQuietly } from "./api.js";
import { locale, phrase, show } from "./language.js";
import { part } from "./dom.js";
import { exactTime } from "./moments.js";
import { SidePanel } from "./side.js";

/** Seconds do not change much here; what happens in the talk asks for a refresh of its own. */
const REFRESH_MS = 5000;
/** Several things that happen at once are one refresh. */
const GATHER_MS = 150;
const COPIED_MS = 2000;
const UNKNOWN = "—";

/** @type {Record<string, import("./texts.js").TextKey>} */
const SERVER_STATES = {
  idle: "server.idle",
  listening: "server.listening",
  thinking: "server.thinking",
  speaking: "server.speaking",
  processing_tool: "server.processing_tool",
};

/**
 * @typedef {object} SessionFacts
 * @property {string} user_id
 * @property {string} state
 * @property {string} created_at
 * @property {string} last_activity
 * @property {number} message_count
 * @property {{call_id: string, name: string, elapsed_s: number}[]} pending_tools
 */

export class SessionPanel extends SidePanel {
  #copy = /** @type {HTMLButtonElement} */ (part("copy"));
  #sessionId = "";
  /** @type {SessionFacts | null} */
  #facts = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #planned;

  constructor() {
    super("panel", "end", () => this.refresh());
    this.#copy.addEventListener("click", () => void this.#copyId());
    setInterval(() => this.refresh(), REFRESH_MS);
  }

  /** @param {string} sessionId Empty: there is none. */
  showSession(sessionId) {
    this.#sessionId = sessionId;
    part("session-id").textContent = sessionId || UNKNOWN;
    this.#copy.disabled = !sessionId;
    if (sessionId) this.refresh();
    else this.#showFacts(null);
  }

  /** Asks the server soon; nothing is asked while nobody can see it. */
  refresh() {
    if (!this.isOpen || document.hidden || !this.#sessionId || this.#planned) return;
    this.#planned = setTimeout(() => {
      this.#planned = undefined;
      void this.#loadFacts(this.#sessionId);
    }, GATHER_MS);
  }

  /** Says the same in the page's new language. */
  retell() {
    this.#showFacts(this.#facts);
  }

  /** @param {string} sessionId */
  async #loadFacts(sessionId) {
    if (!sessionId) return;
    const facts = await askQuietly(`/sessions/${encodeURIComponent(sessionId)}`);
    if (sessionId === this.#sessionId) this.#showFacts(/** @type {SessionFacts | null} */ (facts));
  }

  /** @param {{llm?: {provider: string, model: string}, open_to_network?: boolean}} health */
  showServer({ llm: { provider, model } = { provider: "", model: "" }, open_to_network = false }) {
    part("exposed").hidden = !open_to_network;
    part("model").textContent = [...new Set([provider, model])].filter(Boolean).join(" · ") || UNKNOWN;
    part("demo").hidden = provider !== "demo";
  }

  /** @param {SessionFacts | null} facts */
  #showFacts(facts) {
    this.#facts = facts;
    const state = SERVER_STATES[facts?.state ?? ""];
    part("user").textContent = facts?.user_id ?? UNKNOWN;
    part("server-state").textContent = state ? phrase(state) : UNKNOWN;
    part("created-at").textContent = timeText(facts?.created_at);
    part("last-activity").textContent = timeText(facts?.last_activity);
    part("message-count").textContent = facts ? facts.message_count.toLocaleString(locale()) : UNKNOWN;
    const tools = facts?.pending_tools ?? [];
    const lines = tools.map(({ name, elapsed_s }) => `${name} · ${Math.floor(elapsed_s)} s`);
    part("pending-tools").replaceChildren(...(lines.length > 0 ? lines : [phrase("none")]).map(item));
  }

  async #copyId() {
    try {
      await navigator.clipboard.writeText(this.#sessionId);
    } catch {
      // No permission, or a page without TLS: select it, so that the keyboard can copy it.
      getSelection()?.selectAllChildren(part("session-id"));
      return;
    }
    const note = document.createElement("span");
    note.className = "copied";
    note.setAttribute("role", "status");
    this.#copy.after(note);
    show(note, "copied");
    setTimeout(() => note.remove(), COPIED_MS);
  }
}

/** @param {string} text */
function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

/** @param {string | undefined} wireTime */
function timeText(wireTime) {
  const moment = new Date(wireTime ?? Number.NaN);
  return Number.isNaN(moment.getTime()) ? UNKNOWN : exactTime(moment);
}
