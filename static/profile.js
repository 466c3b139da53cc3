// @ts-check
/** What the agent keeps of the user: to see it, to correct it, to have it forgotten. */

import { ask, RestError } from "./api.js";
import { confirmed } from "./confirm.js";
import { icon, make, part } from "./dom.js";
import { name, show } from "./language.js";
import { SidePanel } from "./side.js";
import { ANONYMOUS } from "./talks.js";

/**
 * @typedef {object} Profile
 * @property {string | null} name
 * @property {string | null} language
 * @property {Record<string, string>} preferences
 * @property {string[]} notes
 */

/** @type {Profile} */
const NOTHING = { name: null, language: null, preferences: {}, notes: [] };
const CHANGED = 412;

export class ProfilePanel extends SidePanel {
  #form = /** @type {HTMLFormElement} */ (part("profile-form"));
  #name = /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("name"));
  #language = /** @type {HTMLSelectElement} */ (this.#form.elements.namedItem("language"));
  #status = part("profile-status");
  #userId = "";
  #hasProfile = false;
  #profile = NOTHING;
  /** Which profile was seen: another one is not written over. @type {string | null} */
  #version = null;
  /** Whether the form holds something that is not saved: then it is left alone. */
  #isEdited = false;

  constructor() {
    super("profile", "end", () => this.refresh());
    this.#form.addEventListener("input", () => (this.#isEdited = true));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const values = { name: this.#name.value.trim() || null, language: this.#language.value || null };
      void this.#put(values, "profile.saved");
    });
    part("profile-forget").addEventListener("click", () => void this.#forgetAll());
  }

  /**
   * @param {string} userId Whose profile; empty while nobody knows.
   * @param {boolean} isKept Whether the server keeps anything.
   */
  follow(userId, isKept) {
    const isNobody = userId === ANONYMOUS;
    this.#hasProfile = isKept && userId !== "" && !isNobody;
    part("profile-kept").hidden = !this.#hasProfile;
    if (userId === this.#userId) return;
    this.#userId = userId;
    this.#isEdited = false;
    this.#show(NOTHING, null);
    this.#tell(isNobody ? "profile.anonymous" : isKept ? null : "rest.off");
    this.refresh();
  }

  /** Asks the server, where somebody can see the answer. */
  refresh() {
    if (!this.isOpen || !this.#hasProfile) return;
    void this.#attempt(() => this.#load());
  }

  async #load() {
    const userId = this.#userId;
    const answer = await ask(this.#address);
    const profile = await answer.json();
    if (userId === this.#userId) this.#show(profile, answer.headers.get("etag"));
  }

  get #address() {
    return `/users/${encodeURIComponent(this.#userId)}/profile`;
  }

  /**
   * @param {Partial<Profile>} changes
   * @param {import("./texts.js").TextKey} done
   */
  async #put(changes, done) {
    const { name, language, preferences, notes } = { ...this.#profile, ...changes };
    const value = { name, language, preferences, notes };
    await this.#change(this.#address, { method: "PUT", value }, done);
  }

  /**
   * @param {string} address
   * @param {{method: string, value?: unknown}} request Is answered by the profile that it leaves.
   * @param {import("./texts.js").TextKey} done
   */
  async #change(address, request, done) {
    await this.#attempt(async () => {
      const answer = await ask(address, { ...request, ifMatch: this.#version });
      if (done === "profile.saved") this.#isEdited = false;
      this.#show(await answer.json(), answer.headers.get("etag"));
      this.#tell(done);
    });
  }

  async #forgetAll() {
    const question = /** @type {const} */ ({ title: "profile.forgetAllTitle", text: "profile.forgetAllText" });
    if (!(await confirmed({ ...question, yes: "profile.forgetAll" }))) return;
    await this.#attempt(async () => {
      await ask(this.#address, { method: "DELETE" });
      this.#isEdited = false;
      await this.#load();
      this.#tell("profile.forgotten");
    });
  }

  /**
   * @param {Profile} profile
   * @param {string | null} version
   */
  #show(profile, version) {
    this.#profile = profile;
    this.#version = version;
    const { preferences, notes } = profile;
    if (!this.#isEdited) {
      this.#name.value = profile.name ?? "";
      this.#chooseLanguage(profile.language ?? "");
    }
    const entries = Object.entries(preferences);
    const ofPreferences = entries.map(([key, value]) => this.#line(`${key}: ${value}`, () => {
      const others = Object.fromEntries(entries.filter(([other]) => other !== key));
      return this.#put({ preferences: others }, "profile.forgotten");
    }));
    const ofNotes = notes.map((note, position) => this.#line(note, () => {
      return this.#change(`${this.#address}/notes/${position}`, { method: "DELETE" }, "profile.forgotten");
    }));
    part("profile-preferences").replaceChildren(...orNone(ofPreferences));
    part("profile-notes").replaceChildren(...orNone(ofNotes));
  }

  /** @param {string} language Of any name; the page itself offers two. */
  #chooseLanguage(language) {
    const isOffered = [...this.#language.options].some(({ value }) => value === language);
    if (!isOffered) this.#language.add(new Option(language, language));
    this.#language.value = language;
  }

  /**
   * @param {string} text
   * @param {() => Promise<void>} erase
   */
  #line(text, erase) {
    const forget = make("button", "icon-button small", icon("icon-close"));
    forget.setAttribute("type", "button");
    name(forget, "profile.forget", { note: text });
    forget.addEventListener("click", () => {
      void erase();
      // The button goes with its line.
      this.#status.focus();
    });
    return make("li", "kept", make("span", "", text), forget);
  }

  /** @param {() => Promise<void>} act What may fail; the sentence says so. */
  async #attempt(act) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof RestError)) throw error;
      if (error.code === CHANGED) await this.#load().catch(() => {});
      this.#tell(error.key, { code: error.code });
    }
  }

  /**
   * @param {import("./texts.js").TextKey | null} sentence
   * @param {import("./language.js").Values} [values]
   */
  #tell(sentence, values) {
    if (sentence) show(this.#status, sentence, values);
    else {
      this.#status.removeAttribute("data-text");
      this.#status.textContent = "";
    }
  }
}

/** @param {HTMLElement[]} lines */
function orNone(lines) {
  if (lines.length > 0) return lines;
  const none = make("li", "note");
  show(none, "profile.none");
  return [none];
}
