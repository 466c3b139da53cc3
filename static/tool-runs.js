// @ts-check
/** The tools that are running, and which of them a sentence is about. */

/** @typedef {{id: string, name: string, turn: string, startedAt: number}} Run */

export class ToolRuns {
  #now;
  /** @type {Run[]} */
  #running = [];
  #count = 0;

  /** @param {() => number} now Milliseconds from any point. */
  constructor(now) {
    this.#now = now;
  }

  /** The running tools, the oldest first; a tool that runs twice is there twice. */
  get names() {
    return this.#running.map((run) => run.name);
  }

  /**
   * @param {string} name
   * @param {string} turn The turn that called it.
   */
  start(name, turn) {
    this.#count += 1;
    const run = { id: `run-${this.#count}`, name, turn, startedAt: this.#now() };
    this.#running.push(run);
    return run;
  }

  /**
   * v1 names the tool, not the run. Of several runs of one tool, the one is meant whose age fits (in whole
   * seconds); of equally old ones, the first.
   *
   * @param {string} name
   * @param {number} elapsedS
   * @returns {Run | undefined}
   */
  find(name, elapsedS) {
    const now = this.#now();
    const misfit = (/** @type {Run} */ run) => Math.round(Math.abs((now - run.startedAt) / 1000 - elapsedS));
    return this.#running.filter((run) => run.name === name).sort((a, b) => misfit(a) - misfit(b))[0];
  }

  /** @param {Run} ended */
  remove(ended) {
    this.#running = this.#running.filter((run) => run !== ended);
  }

  /** @returns {Run[]} All that were running; none is afterwards. */
  removeAll() {
    return this.#running.splice(0);
  }

  /** @param {string} turn */
  isRunningFor(turn) {
    return this.#running.some((run) => run.turn === turn);
  }
}
