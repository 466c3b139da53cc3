// @ts-check
/** The tools of a talk: which runs belong to which turn, and which wait for a person's word. No DOM. */

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */
/** @typedef {import("./voice-agent-client.js").ClientEvents} ClientEvents */
/** @typedef {import("./talk-view.js").TalkView} TalkView */

export class TalkTools {
  #view;
  #client;
  /** Runs that are shown and have not ended. @type {Set<string>} */
  #calls = new Set();
  /** Runs that have ended: a server that was started anew may tell their ending again. @type {Set<string>} */
  #ended = new Set();
  /** Calls that wait for the user's word. @type {Set<string>} */
  #asking = new Set();
  /** What was asked about calls that have not ended: the arguments. @type {Map<string, unknown>} */
  #asked = new Map();

  /**
   * @param {TalkView} view
   * @param {VoiceAgentClient} client
   */
  constructor(view, client) {
    this.#view = view;
    this.#client = client;
    client.addEventListener("tool", ({ detail }) => this.#follow(detail));
    client.addEventListener("approval_requested", ({ detail }) => this.#ask(detail));
    client.addEventListener("error", ({ detail }) => this.#settle(detail.call_id ?? ""));
  }

  /**
   * What runs, and what has run, after a gap; what waits for the user's word is asked again by the server.
   *
   * @param {import("./voice-agent-client.js").HistoryTool[]} tools
   * @param {string | null} turn
   * @param {(turn: string) => boolean} isShown Whether a turn is on the page.
   */
  restore(tools, turn, isShown) {
    for (const tool of tools) {
      const { call_id, name, status, turn_id, elapsed_s, reason } = tool;
      if (status === "running" || !turn_id) {
        this.#calls.add(call_id);
        this.#view.startTool(call_id, name, turn);
        continue;
      }
      this.#ended.add(call_id);
      if (!isShown(turn_id)) continue;
      this.#view.startTool(call_id, name, turn_id);
      this.#explainEnd(tool);
      this.#view.endTool(call_id, ending(status, reason), elapsed_s ?? null);
    }
  }

  /** The session is gone, and with it all that ran. */
  lose() {
    for (const call of this.#calls) this.#view.endTool(call, "lost", null);
    for (const call of this.#asking) this.#view.endApproval(call);
    this.clear();
  }

  /** Forgets everything. */
  clear() {
    this.#calls.clear();
    this.#ended.clear();
    this.#asking.clear();
    this.#asked.clear();
  }

  /** @param {ClientEvents["tool"]} message */
  #follow(message) {
    const { call_id: call, name } = message;
    this.#settle(call);
    if (this.#ended.has(call)) return;
    if (!this.#calls.has(call)) {
      // A call that could not even start (an unknown tool, wrong arguments) has nothing but an ending.
      this.#calls.add(call);
      this.#view.startTool(call, name, message.type === "tool_started" ? message.turn_id : this.#client.turnId);
      this.#explainStart(message);
    }
    if (message.type === "tool_progress") {
      this.#view.moveTool(call, message.elapsed_s, message.message ?? "", message.fraction ?? null);
    }
    if (message.type !== "tool_finished") return;
    this.#calls.delete(call);
    this.#ended.add(call);
    this.#explainEnd(message);
    this.#view.endTool(call, ending(message.status, message.reason), message.elapsed_s);
  }

  /** @param {ClientEvents["approval_requested"]} request */
  #ask({ call_id: call, name, arguments: values, expires_in_s: seconds, earlier }) {
    if (this.#asking.has(call)) return;
    this.#asking.add(call);
    this.#asked.set(call, values);
    this.#view.askApproval(call, name, values, seconds, this.#client.turnId, earlier !== undefined);
  }

  /** @param {ClientEvents["tool"]} message The first of a call. */
  #explainStart(message) {
    const { call_id: call, type } = message;
    const isStart = type === "tool_started";
    const values = isStart ? message.arguments : this.#asked.get(call);
    const isApproved = isStart && this.#asked.delete(call);
    const startedAt = isStart && this.#client.isCurrent ? Date.now() : undefined;
    const details = { ...(values !== undefined && { values }), ...(isApproved && { isApproved }), ...(startedAt && { startedAt }) };
    if (Object.keys(details).length > 0) this.#view.detailTool(call, details);
  }

  /** @param {Pick<import("./voice-agent-client.js").ToolFinished, "call_id" | "result" | "error" | "truncated">} message */
  #explainEnd({ call_id: call, result, error, truncated }) {
    this.#asked.delete(call);
    const details = { ...(result !== undefined && { result }), ...(error && { error }), ...(truncated && { isPart: true }) };
    if (Object.keys(details).length > 0) this.#view.detailTool(call, details);
  }

  /** Nothing is asked about it any more. @param {string} call */
  #settle(call) {
    if (this.#asking.delete(call)) this.#view.endApproval(call);
  }
}

/**
 * @param {import("./voice-agent-client.js").ToolStatus} status
 * @param {string | undefined} reason
 * @returns {import("./talk-view.js").ToolEnding}
 */
function ending(status, reason) {
  if (reason === "denied" || reason === "expired") return reason;
  return reason === "outcome_unknown" ? "unknown" : status;
}
