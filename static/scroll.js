// @ts-check
/** Keeps the latest in sight, as long as the reader is there. */

/** Pixels from the end that still count as being there. */
const NEAR = 64;

export class Follower {
  #scroller;
  #jump;
  #hasLatest;
  #isFollowing = true;
  #wasEmpty = true;
  #top = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} content What grows inside it.
   * @param {HTMLElement} jump The button back to the latest.
   * @param {() => boolean} hasLatest Whether anything has been said; else it is read from its beginning.
   */
  constructor(scroller, content, jump, hasLatest) {
    this.#scroller = scroller;
    this.#jump = jump;
    this.#hasLatest = hasLatest;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    jump.addEventListener("click", () => this.toEnd());
    const growth = new ResizeObserver(() => this.#keepUp());
    growth.observe(content);
    growth.observe(scroller);
  }

  /** Goes to the latest and stays with it. */
  toEnd() {
    this.#isFollowing = true;
    this.#keepUp();
  }

  #keepUp() {
    const isEmpty = !this.#hasLatest();
    if (isEmpty) this.#isFollowing = true;
    if (isEmpty && !this.#wasEmpty) this.#scroller.scrollTop = 0;
    if (!isEmpty && this.#isFollowing) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#wasEmpty = isEmpty;
    this.#look();
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    // Only who went up has left: what has grown since we scrolled is followed in a moment.
    if (scrollHeight - scrollTop - clientHeight < NEAR || !this.#hasLatest()) this.#isFollowing = true;
    else if (scrollTop < this.#top) this.#isFollowing = false;
    this.#top = scrollTop;
    this.#jump.hidden = this.#isFollowing;
  }
}
