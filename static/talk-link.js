// @ts-check
/** The address of a talk, as `#/talk/<id>`: to keep it, to go back to it. */

const FORM = /^#\/talk\/([\w-]{1,64})$/;

export class TalkLink {
  #shown = "";

  /** @param {(sessionId: string) => void} open Another talk is asked for. */
  constructor(open) {
    addEventListener("popstate", () => {
      const { asked } = this;
      if (!asked || asked === this.#shown) return;
      this.#shown = asked;
      open(asked);
    });
  }

  /** The talk that the address names; empty where it names none. */
  get asked() {
    return FORM.exec(location.hash)?.[1] ?? "";
  }

  /** @param {string} sessionId Of the talk on the page; empty: nothing that one could come back to. */
  show(sessionId) {
    const hadOther = this.#shown !== "" && sessionId !== "" && this.#shown !== sessionId;
    this.#shown = sessionId;
    if (sessionId === this.asked) return;
    const address = sessionId ? `#/talk/${sessionId}` : location.pathname + location.search;
    // From one talk to another the browser's way back leads back.
    if (hadOther || (this.asked && !sessionId)) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }
}
