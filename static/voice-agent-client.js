// @ts-check
/**
 * A talk with the agent over protocol v2, which outlives its connections: it comes back by itself, resumes where it
 * was, sends again what has no receipt, and shows nothing twice. It carries sound both ways, and leaves microphone
 * and loudspeaker to others. No dependencies, no DOM; browsers and Node.
 *
 * `docs/client.md` tells how to use it; `voice-agent-client.d.ts` has the types of all that it takes and says.
 */

/** @typedef {import("./voice-agent-client.js").ClientOptions} ClientOptions */
/** @typedef {import("./voice-agent-client.js").SocketLike} SocketLike */
/** @typedef {import("./voice-agent-client.js").ServerMessage} ServerMessage */
/** @typedef {import("./voice-agent-client.js").HistoryMessage} HistoryMessage */
/** @typedef {import("./voice-agent-client.js").Answer} Answer */
/** @typedef {import("./voice-agent-client.js").Receipt} Receipt */
/** @typedef {import("./voice-agent-client.js").ConnectionStatus} ConnectionStatus */
/** @typedef {import("./voice-agent-client.js").AgentState} AgentState */
/** @typedef {import("./voice-agent-client.js").KnownText} KnownText */
/** @typedef {import("./voice-agent-client.js").RenewalReason} RenewalReason */
/** @typedef {import("./voice-agent-client.js").SessionValues} SessionValues */

/**
 * A text of the user, from `say` to its ending.
 *
 * @typedef {object} Text
 * @property {string} id
 * @property {string} content
 * @property {boolean} interrupt
 * @property {string} [revises] The turn whose text it stands in for; `content` is empty where its words stay the same.
 * @property {number} at When it was said, in milliseconds since 1970.
 * @property {"queued" | "sent" | "accepted" | "ended"} status
 * @property {boolean} isOnWire Whether it left on the connection of now.
 * @property {string | null} turnId
 * @property {Deferred<Receipt>} accepted
 * @property {Deferred<Answer>} done
 */

/**
 * @template T
 * @typedef {{promise: Promise<T>, resolve: (value: T) => void, reject: (error: VoiceAgentError) => void}} Deferred
 */

/**
 * @typedef {object} Session
 * @property {string} id
 * @property {string} token
 * @property {number} lastSeq
 * @property {number} heartbeatS
 * @property {string} userId
 * @property {boolean} [hasAudio] Whether the server was asked for sound.
 */

/**
 * A second connection that is to take the session over while the first one still plays.
 *
 * @typedef {object} Next
 * @property {SocketLike} socket
 * @property {boolean} hasAsked Whether its `resume` has left.
 * @property {unknown[] | null} held What came since `session_resumed`, it included; null before that.
 * @property {unknown} timer
 */

export const PROTOCOL = "voice-agent.v2";

/** Leaving, trouble on either side, a drop; and wire faults, after which what caused them is not sent again. */
export const RETURNING_CODES = new Set([1001, 1002, 1003, 1005, 1006, 1007, 1009, 1011, 1012, 1013]);
const FINAL_CODES = new Set([1000, 1008]);
/** From here on codes are of libraries and applications, and are refusals. */
const FIRST_CODE_OF_APPLICATIONS = 3000;
const WIRE_FAULTS = new Set([1002, 1003, 1007, 1009]);
const TOO_BIG = 1009;
const DROPPED = 1006;
/** The token is missing or not good. Nothing comes back by itself, and the session is not forgotten. */
export const UNAUTHORIZED = 4401;

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
const LONGEST_REQUESTED_DELAY_MS = 60_000;
/** From the first packet to the session; a browser alone would wait for minutes. */
const OPEN_LIMIT_MS = 10_000;
/** A connection that ends sooner, by a fault, counts as a failed one: coming straight back would be a loop. */
const SHORT_LIFE_MS = 5_000;
const GOODBYE_LIMIT_MS = 2_000;
/** How often a second connection is tried while the first one still lives. */
const OVERLAP_TRIES = 3;
/** How long the first connection is read after the second one has the session: what was sent there comes first. */
const HANDOVER_LIMIT_MS = 1_000;
/** Another connection has taken the session: where it is our own, all is well. */
const REPLACED = 4409;
const DEFAULT_HEARTBEAT_S = 20;
const SILENT_BEATS = 2;
/** The server's own default lets so many wait beside the one that is being answered. */
const MAX_OPEN_TEXTS = 8;

/** Texts that leave in any one second; a server lets a client go that sends many more. */
const MAX_TEXTS_PER_S = 15;
const MAX_KEPT_TEXTS = 200;
const MAX_EARLY_ENDS = 50;
const MAX_KEPT_CHARS = 500_000;
/** Sound that waits in this computer is old when it leaves: about two seconds at 16 kHz. */
const MAX_WAITING_SOUND_BYTES = 65_536;

/**
 * How long to wait before a try: exponential with full jitter, so that the clients of a restarted server do not come
 * back in step.
 *
 * @param {number} failures Tries that failed one after another, from 0.
 * @param {number} random From 0 to 1.
 * @returns {number} Milliseconds.
 */
export function backOff(failures, random) {
  return random * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
}

/**
 * Whether a client may come back by itself. A code of the WebSocket protocol that is not known here tells of the
 * connection, which another one may mend.
 *
 * @param {number} code
 * @returns {boolean}
 */
export function mayReturn(code) {
  return code < FIRST_CODE_OF_APPLICATIONS && !FINAL_CODES.has(code);
}

/** Why a text has no receipt or no answer. */
export class VoiceAgentError extends Error {
  /**
   * @param {string} code The server's, or one of ours: `refused_on_wire`, `session_lost`,
   *   `ending_lost`, `turn_failed`.
   * @param {string} [message] A sentence for the user; empty for our own codes.
   * @param {boolean} [retryable]
   */
  constructor(code, message = "", retryable = false) {
    super(message || code);
    this.name = "VoiceAgentError";
    this.code = code;
    this.retryable = retryable;
  }
}

export class VoiceAgentClient extends EventTarget {
  #url;
  #options;
  #Socket;
  #random;
  #timers;
  #memory;
  /** @type {SocketLike | null} */
  #socket = null;
  /** @type {ConnectionStatus} */
  #connection = { status: "closed", code: 1000, reason: "" };
  #failures = 0;
  #openedAt = 0;
  /** Of the connection: the limit for opening it, then the wait for the next. @type {unknown} */
  #timer;

  /** When the last texts left, for those that wait to leave at a pace that a server bears. */
  /** @type {number[]} */
  #leftAt = [];

  /** @type {unknown} */
  #pacing = null;
  /** @type {unknown} */
  #heartbeat;
  #silentBeats = 0;
  /** The server's wish, once it has said that it goes; from then on it begins no turn. @type {number | null} */
  #returnAfterMs = null;

  /** The second connection, from a server's `going_away` until it is the one. @type {Next | null} */
  #next = null;
  #overlapTries = 0;
  /** Whether a second connection has asked for the session: then 4409 here is our own doing. */
  #hasAskedTwice = false;
  /** @type {unknown} */
  #overlapPause = null;

  /** @type {Session | null} */
  #session = null;
  /** Whether the next `session_created` is about the session of now: replayed ones are not. */
  #isStarting = false;
  /** The earlier talk that the next session is to go on with. @type {string | null} */
  #continued = null;
  /** Whether goodbye was said on this connection: nothing comes back from that. */
  #isEnding = false;
  #isCurrent = false;
  #replayEnd = 0;
  /** The last number that the last `resume` knew. */
  #askedSeq = 0;
  /** Where the numbers go on after a gap, until its history has come. @type {number | null} */
  #seqAfterGap = null;
  /** What an earlier load of the page has dealt with. */
  #seenBefore = 0;
  /** Whether what the server knows of our sound is another load's. */
  #isLoaded = false;
  /** Whether the server is to be told anew what sound there is. */
  #owesAudio = false;
  /** Whether sound was refused because the server's speech still loads; `features` ends that. */
  #isVoiceLoading = false;
  /** What the server has, where it has said so since the session began. @type {string[] | null} */
  #features = null;
  /** The turn whose sound comes now. @type {import("./voice-agent-client.js").AudioStarted | null} */
  #sounding = null;
  /** @type {{previousSessionId: string, reason: RenewalReason, texts: KnownText[]} | null} */
  #renewal = null;

  /** @type {Map<string, Text>} */
  #texts = new Map();
  /** What could not be sent and still makes sense later, by its id. @type {Map<string, object>} */
  #controls = new Map();
  /** Texts whose ending may have been in a gap; judged when what follows the gap is here. @type {Text[]} */
  #suspects = [];
  /** Turns of texts that failed, known from a history. @type {Set<string>} */
  #failedTurns = new Set();
  /** Answers known from a history, by turn. @type {Map<string, Answer>} */
  #answers = new Map();
  /**
   * How turns ended whose text has no receipt here yet: that comes when the text is sent again.
   *
   * @type {Map<string, Answer | VoiceAgentError>}
   */
  #early = new Map();
  /** @type {AgentState} */
  #state = "idle";
  /** @type {string | null} */
  #turnId = null;
  /** @type {Map<string, string>} */
  #tools = new Map();

  /**
   * @param {string} url Of the server's WebSocket, `ws:` or `wss:`.
   * @param {ClientOptions} [options]
   */
  constructor(url, options = {}) {
    super();
    this.#url = url;
    this.#options = { ...options };
    this.#Socket = options.WebSocket ?? globalThis.WebSocket;
    this.#random = options.random ?? Math.random;
    this.#timers = options.timers ?? systemTimers;
    this.#memory = new Memory(options.storage, options.storageKey ?? "voice-agent");
    if (!this.#Socket) throw new TypeError("this runtime has no WebSocket: pass one as an option");
    this.#remember();
  }

  /** The session's id; null while there is none. */
  get sessionId() {
    return this.#session?.id ?? null;
  }

  /** What the agent is doing, as the server said last. */
  get state() {
    return this.#state;
  }

  /** The turn that runs; null where none does. */
  get turnId() {
    return this.#turnId;
  }

  /** Names of the running tools by their call id. @returns {ReadonlyMap<string, string>} */
  get tools() {
    return this.#tools;
  }

  get connection() {
    return this.#connection;
  }

  /** Whether a session is open and everything that was missed has been heard. */
  get isCurrent() {
    return this.#isCurrent;
  }

  /** Whether sound was refused because the server's speech still loads; it comes by itself. */
  get isVoiceLoading() {
    return this.#isVoiceLoading;
  }

  /** Texts without an ending, the oldest first. */
  get openTexts() {
    return [...this.#texts.values()].filter((text) => text.status !== "ended").map(known);
  }

  /**
   * Connects now, whatever was planned; does nothing while a connection is open or being made.
   *
   * @param {{token?: string}} [how] `token`: the server's, from this connection on.
   */
  connect({ token } = {}) {
    if (this.#socket) return;
    this.#options.token = token ?? this.#options.token;
    this.#timers.clearTimeout(this.#timer);
    const socket = this.#dial();
    this.#socket = socket;
    this.#openedAt = 0;
    this.#isEnding = false;
    this.#hasAskedTwice = false;
    this.#returnAfterMs = null;
    this.#tell({ status: "connecting" });
    this.#timer = this.#timers.setTimeout(() => this.#drop(socket, DROPPED, "no answer"), OPEN_LIMIT_MS);
  }

  #dial() {
    const socket = new this.#Socket(this.#url, [PROTOCOL]);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => this.#greet(socket));
    socket.addEventListener("message", (event) => this.#receive(socket, event.data));
    socket.addEventListener("close", (event) => this.#drop(socket, event.code ?? DROPPED, event.reason ?? ""));
    // The close that follows tells; without a listener some sockets would end the process.
    socket.addEventListener("error", () => {});
    return socket;
  }

  /**
   * Says a text, now or as soon as the server can hear it.
   *
   * @param {string} content
   * @param {{interrupt?: boolean, id?: string}} [how] `interrupt`: ends what the agent is doing and withdraws texts
   *   that wait.
   */
  say(content, { interrupt = false, id = newId() } = {}) {
    const whole = wellFormed(content);
    if (!whole.trim()) throw new TypeError("a text needs words");
    if (this.#texts.has(id)) throw new TypeError("that id was used before");
    return this.#queue({ id, content: whole, interrupt, at: Date.now(), status: "queued", turnId: null });
  }

  /**
   * Has a text of the user's answered anew, or other words in its place. Its turn and all later ones are over then:
   * the `accepted` event names them (`supersedes`).
   *
   * @param {string} turnId The turn of the text.
   * @param {string} [content] The other words; without them the same text is asked again.
   * @param {{id?: string}} [how]
   */
  revise(turnId, content, { id = newId() } = {}) {
    const whole = content && wellFormed(content);
    if (whole !== undefined && !whole.trim()) throw new TypeError("a text needs words");
    if (this.#texts.has(id)) throw new TypeError("that id was used before");
    const revision = { id, content: whole ?? "", interrupt: true, revises: turnId };
    return this.#queue({ ...revision, at: Date.now(), status: "queued", turnId: null });
  }

  /** @param {Omit<Text, "accepted" | "done" | "isOnWire">} values */
  #queue(values) {
    const text = newText(values);
    this.#texts.set(text.id, text);
    this.#keepTexts();
    this.#flush();
    return { id: text.id, accepted: text.accepted.promise, done: text.done.promise };
  }

  /**
   * Ends the running turn. Without a connection it is done after the next one is there, if that turn still runs.
   *
   * @param {string | null} [turnId] Just this turn.
   */
  interrupt(turnId = this.#turnId) {
    this.#control("interrupt", turnId ? { type: "interrupt", turn_id: turnId } : { type: "interrupt" }, turnId);
  }

  /** @param {string} callId */
  cancelTool(callId) {
    this.#control(`cancel ${callId}`, { type: "cancel_tool", call_id: callId }, callId);
  }

  /**
   * A person's word about a tool that waits for it.
   *
   * @param {string} callId
   * @param {boolean} approved
   */
  approveTool(callId, approved) {
    this.#control(`approve ${callId}`, { type: "approve_tool", call_id: callId, approved }, callId);
  }

  /**
   * Changes language, voice, speed or sound; later sessions of this client have it too.
   *
   * @param {SessionValues} values
   */
  updateSession(values) {
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
    Object.assign(this.#options, given);
    this.#noteAudio();
    const waiting = this.#controls.get("update") ?? { type: "session_update" };
    this.#control("update", { ...waiting, ...given }, this.#session || this.#isStarting);
  }

  /**
   * A piece of the user's speech: PCM16, little endian, mono, at the agreed rate. It is not kept: without a
   * connection, on one that is closing, where it waits for the network, or while the server's speech loads, it
   * is thrown away.
   *
   * @param {Int16Array | ArrayBuffer} pcm
   * @returns {boolean} Whether it has left.
   */
  sendAudio(pcm) {
    const socket = this.#socket;
    if (!socket || !this.#isCurrent || this.#isVoiceLoading || !isOpen(socket)) return false;
    if ((socket.bufferedAmount ?? 0) > MAX_WAITING_SOUND_BYTES) return false;
    socket.send(pcm);
    return true;
  }

  /**
   * A whole recording of what the user says: WAV, WebM, OGG, MP3 or FLAC. It is not kept: without a connection it is
   * thrown away. Its words come as a `transcript`.
   *
   * @param {string} content In base64.
   * @returns {boolean} Whether it has left.
   */
  sendRecording(content) {
    if (!this.#isCurrent || !this.#socket) return false;
    this.#socket.send(JSON.stringify({ type: "audio", content, format: "clip" }));
    return true;
  }

  /** What was said is over; where turns are detected by hand. */
  commitAudio() {
    this.#control("audio", { type: "audio_commit" }, false);
  }

  /** What was said is thrown away. */
  clearAudio() {
    this.#control("audio", { type: "audio_clear" }, false);
  }

  /**
   * How much of a turn's sound has been played; to be said every 200 ms, and once when it stops.
   *
   * @param {string} turnId
   * @param {number} playedMs From the start of the turn's sound.
   */
  reportPlayback(turnId, playedMs) {
    const played = Math.max(0, Math.round(playedMs));
    this.#control("playback", { type: "playback", turn_id: turnId, played_ms: played }, false);
  }

  /** Says goodbye: the session ends now, and nothing comes back by itself. */
  end() {
    const isHeard = this.#isCurrent;
    if (this.#next?.held) this.#switch();
    this.#leaveNext();
    const socket = this.#socket;
    this.#forgetSession("ended");
    this.#renewal = null;
    if (!socket || !isHeard) return this.close();
    this.#isCurrent = false;
    this.#isEnding = true;
    this.#timers.clearTimeout(this.#timer);
    socket.send(JSON.stringify({ type: "end" }));
    this.#timer = this.#timers.setTimeout(() => this.#drop(socket, 1000, "ended"), GOODBYE_LIMIT_MS);
  }

  /** Leaves, without a goodbye: the session waits its window for a `connect()`. */
  close() {
    const socket = this.#socket;
    this.#silence();
    socket?.close();
    this.#tell({ status: "closed", code: 1000, reason: "closed by this side" });
  }

  /**
   * Ends the session and begins another. Texts that have not left go there, unless they are to be forgotten.
   *
   * @param {{userId?: string, locale?: "es" | "en", token?: string, forget?: boolean, leave?: boolean}} [how]
   *   `leave`: the session is not ended; it goes on at the server, and waits its window.
   */
  renew({ forget = false, leave = false, ...changes } = {}) {
    this.#part(leave, forget);
    this.#continued = null;
    Object.assign(this.#options, changes);
    this.connect();
  }

  /**
   * Goes on with an earlier talk of this user: `open` with `isContinued`, then `history`. The session of now goes on
   * at the server, and waits its window; texts that have not left are forgotten. Where the server refuses, `error`
   * says so, and the connection is closed: the next `connect()` begins a new session.
   *
   * @param {string} sessionId
   */
  continueTalk(sessionId) {
    this.#part(true, true);
    this.#continued = sessionId;
    this.connect();
  }

  /**
   * Leaves the session, and the connection with it.
   *
   * @param {boolean} isKept Whether the session goes on without us.
   * @param {boolean} isForgetting Whether texts that have not left go too.
   */
  #part(isKept, isForgetting) {
    const socket = this.#socket;
    if (this.#isCurrent && !isKept) socket?.send(JSON.stringify({ type: "end" }));
    this.#silence();
    if (isKept) socket?.close();
    else socket?.close(1000);
    this.#forgetSession("asked");
    if (isForgetting) this.#texts.clear();
    this.#keepTexts();
    this.#failures = 0;
  }

  // The connection

  /** @param {SocketLike} socket */
  #greet(socket) {
    const next = this.#next?.socket === socket ? this.#next : null;
    if (!next && socket !== this.#socket) return;
    if (socket.protocol !== PROTOCOL) {
      if (next) return this.#failNext();
      return this.#finish(socket, 1002, "the server does not speak protocol v2");
    }
    const session = this.#session;
    if (!session) return this.#start(socket);
    const resume = { session_id: session.id, resume_token: session.token, last_seq: session.lastSeq };
    socket.send(JSON.stringify({ type: "resume", ...resume, token: this.#options.token, ...(next && { overlap: true }) }));
    this.#askedSeq = session.lastSeq;
    if (next) next.hasAsked = this.#hasAskedTwice = true;
  }

  // The second connection

  /** The server goes, and others serve: takes the session there while this connection still plays. */
  #overlap() {
    if (this.#next || this.#overlapPause || !this.#isCurrent || this.#isEnding) return;
    this.#overlapTries += 1;
    const socket = this.#dial();
    const timer = this.#timers.setTimeout(() => this.#failNext(), OPEN_LIMIT_MS);
    this.#next = { socket, hasAsked: false, held: null, timer };
  }

  /**
   * What the second connection brings waits until the first one has said all.
   *
   * @param {Next} next
   * @param {unknown} frame
   */
  #hold(next, frame) {
    if (next.held) return void next.held.push(frame);
    const type = parse(frame)?.type;
    if (type === "error") return this.#failNext();
    if (type !== "session_resumed") return;
    next.held = [frame];
    this.#timers.clearTimeout(next.timer);
    next.timer = this.#timers.setTimeout(() => this.#switch(), HANDOVER_LIMIT_MS);
  }

  /** The second connection is the one from now on. */
  #switch() {
    const next = this.#next;
    if (!next) return;
    this.#adopt(next)?.close();
    for (const frame of next.held ?? []) this.#receive(next.socket, frame);
  }

  /**
   * @param {Next} next
   * @returns {SocketLike | null} The connection that was the one.
   */
  #adopt(next) {
    const before = this.#socket;
    this.#next = null;
    this.#timers.clearTimeout(next.timer);
    this.#timers.clearTimeout(this.#heartbeat);
    this.#socket = next.socket;
    this.#openedAt = 0;
    this.#isCurrent = false;
    this.#returnAfterMs = null;
    for (const text of this.#texts.values()) text.isOnWire = false;
    this.#timer = this.#timers.setTimeout(() => this.#drop(next.socket, DROPPED, "no answer"), OPEN_LIMIT_MS);
    return before;
  }

  /**
   * The first connection is over while there is a second one.
   *
   * @param {number} code
   * @returns {boolean} Whether the second one takes its place.
   */
  #follow(code) {
    const next = this.#next;
    if (!next || this.#isEnding) return false;
    const isExpected = (mayReturn(code) && !isFault(code)) || (code === REPLACED && next.hasAsked);
    if (next.held) this.#switch();
    else if (isExpected) this.#adopt(next)?.close();
    else return false;
    return true;
  }

  /** The second connection came to nothing; the first one goes on, and another may be tried. */
  #failNext() {
    const tries = this.#overlapTries;
    this.#leaveNext();
    if (tries >= OVERLAP_TRIES) return;
    this.#overlapTries = tries;
    this.#overlapPause = this.#timers.setTimeout(() => {
      this.#overlapPause = null;
      this.#overlap();
    }, backOff(tries - 1, this.#random()));
  }

  /** No second connection any more, and no other try. */
  #leaveNext() {
    const next = this.#next;
    this.#next = null;
    this.#overlapTries = 0;
    this.#timers.clearTimeout(this.#overlapPause);
    this.#overlapPause = null;
    if (!next) return;
    this.#timers.clearTimeout(next.timer);
    next.socket.close();
  }

  /** @param {SocketLike} socket */
  #start(socket) {
    const { userId, locale, token, voice, audio, speed } = this.#options;
    this.#isStarting = true;
    const continued = this.#continued ?? undefined;
    socket.send(JSON.stringify({ type: "start", user_id: userId, locale, token, voice, audio, continue: continued }));
    // The opening has no place for it.
    this.#owesAudio = speed !== undefined;
  }

  /**
   * @param {SocketLike} socket
   * @param {unknown} frame
   */
  #receive(socket, frame) {
    if (socket === this.#next?.socket) return this.#hold(this.#next, frame);
    if (socket !== this.#socket) return;
    this.#silentBeats = 0;
    if (frame instanceof ArrayBuffer) return this.#hear(frame);
    const message = parse(frame);
    if (!message) return;
    const seq = "seq" in message && typeof message.seq === "number" ? message.seq : null;
    const session = this.#session;
    if (seq !== null && session) {
      if (seq <= session.lastSeq) return;
      // A message is missing: what came is not used, the resume brings it all in order.
      if (seq > session.lastSeq + 1) return this.#drop(socket, DROPPED, "a message is missing");
      session.lastSeq = seq;
    }
    this.#handle(message, seq);
    if (socket !== this.#socket) return;
    if (seq !== null && !this.#isCurrent && this.#session && seq >= this.#replayEnd) this.#beCurrent();
    if (seq !== null) this.#keepSession();
  }

  /** A piece of the agent's voice. @param {ArrayBuffer} frame */
  #hear(frame) {
    const sounding = this.#sounding;
    if (!sounding || frame.byteLength % 2 !== 0) return;
    const { turn_id: turnId, sample_rate_hz: sampleRateHz } = sounding;
    this.#emit("audio", { turnId, sampleRateHz, pcm: new Int16Array(frame) });
  }

  /**
   * The connection is over; plans the next one where the code allows it.
   *
   * @param {SocketLike} socket
   * @param {number} code
   * @param {string} reason
   */
  #drop(socket, code, reason) {
    if (socket === this.#next?.socket) {
      if (!this.#next.held) return this.#failNext();
      this.#switch();
    }
    if (socket !== this.#socket || this.#follow(code)) return;
    if (code === REPLACED && this.#hasAskedTwice) code = DROPPED;
    if (this.#isEnding || !mayReturn(code)) return this.#finish(socket, code, reason);
    const hasFailed = !this.#openedAt || (isFault(code) && this.#timers.now() - this.#openedAt < SHORT_LIFE_MS);
    if (!hasFailed) this.#failures = 0;
    const ownDelay = backOff(this.#failures, this.#random());
    const delayMs = this.#returnAfterMs === null ? ownDelay : this.#returnAfterMs + ownDelay;
    this.#failures += 1;
    this.#silence();
    socket.close();
    if (WIRE_FAULTS.has(code)) this.#dropRefused(code);
    for (const text of this.#texts.values()) text.isOnWire = false;
    this.#timer = this.#timers.setTimeout(() => this.connect(), delayMs);
    this.#tell({ status: "waiting", code, reason, delayMs });
  }

  /**
   * The connection is over, and nothing comes back by itself.
   *
   * @param {SocketLike} socket
   * @param {number} code
   * @param {string} reason
   */
  #finish(socket, code, reason) {
    this.#silence();
    socket.close();
    for (const text of this.#texts.values()) text.isOnWire = false;
    if (code === 1000 || code === 4410) this.#forgetSession("ended");
    this.#tell({ status: "closed", code, reason });
  }

  /** Stops listening to the connection and all clocks. */
  #silence() {
    this.#leaveNext();
    this.#socket = null;
    this.#sounding = null;
    this.#isCurrent = false;
    this.#isStarting = false;
    this.#timers.clearTimeout(this.#timer);
    this.#timers.clearTimeout(this.#heartbeat);
    this.#timers.clearTimeout(this.#pacing);
    this.#pacing = null;
  }

  #beat() {
    this.#timers.clearTimeout(this.#heartbeat);
    const socket = this.#socket;
    const pauseMs = (this.#session?.heartbeatS ?? DEFAULT_HEARTBEAT_S) * 1000;
    this.#heartbeat = this.#timers.setTimeout(() => {
      if (!socket || socket !== this.#socket) return;
      // Counted in beats, not on a clock: a computer that slept has not been listening.
      this.#silentBeats += 1;
      if (this.#silentBeats >= SILENT_BEATS) return this.#drop(socket, DROPPED, "nothing was heard");
      socket.send('{"type":"ping"}');
      this.#beat();
    }, pauseMs);
  }

  /**
   * A message was refused on the wire. It would be refused again, and hold up all that follow.
   *
   * @param {number} code
   */
  #dropRefused(code) {
    const sent = [...this.#texts.values()].filter((text) => text.status === "sent" && text.isOnWire);
    // Receipts come in order, so the oldest without one is it; but size is a surer sign where size was the fault.
    if (code === TOO_BIG) sent.sort((a, b) => b.content.length - a.content.length);
    if (sent[0]) this.#failHere(sent[0], "refused_on_wire");
  }

  // What the server says

  /**
   * @param {ServerMessage} message
   * @param {number | null} seq
   */
  #handle(message, seq) {
    switch (message.type) {
      case "session_created":
        return this.#created(message);
      case "session_resumed":
        return this.#resumed(message);
      case "history":
        return this.#restore(message);
      case "state":
        this.#state = message.state;
        return this.#emit("state", message);
      case "message_accepted":
        return this.#accepted(message);
      case "turn_started":
        this.#turnId = message.turn_id;
        this.#suspects = this.#suspects.filter((text) => text.turnId !== message.turn_id);
        return this.#emit("turn", message);
      case "response_chunk":
        return this.#emit("chunk", message);
      case "response_complete":
        return this.#completed(message);
      case "interrupted":
        this.#endSound(message.turn_id);
        return this.#emit("interrupted", message);
      case "speech_started":
        return this.#emit("speech_started", message);
      case "speech_stopped":
        return this.#emit("speech_stopped", message);
      case "transcript":
        return this.#emit("transcript", message);
      case "audio_started":
        this.#sounding = message;
        return this.#emit("audio_started", message);
      case "audio_complete":
        this.#endSound(message.turn_id);
        return this.#emit("audio_complete", message);
      case "playback_hint":
        return this.#emit("playback_hint", message);
      case "features":
        return this.#featuresChanged(message);
      case "approval_requested":
        return this.#emit("approval_requested", message);
      case "tool_started":
        this.#tools.set(message.call_id, message.name);
        return this.#emit("tool", message);
      case "tool_finished":
        this.#tools.delete(message.call_id);
        return this.#emit("tool", message);
      case "tool_progress":
        return this.#emit("tool", message);
      case "error":
        return seq === null && !this.#isCurrent ? this.#refused(message) : this.#failed(message, seq);
      case "system":
        return this.#emit("notice", message);
      case "pong":
        return this.#judgeSuspects();
      case "going_away":
        this.#returnAfterMs = Math.min(message.reconnect_after_s * 1000, LONGEST_REQUESTED_DELAY_MS);
        this.#emit("going_away", message);
        return message.overlap ? this.#overlap() : undefined;
      default:
        return this.#emit("message", message);
    }
  }

  /** @param {import("./voice-agent-client.js").SessionCreated} message */
  #created(message) {
    if (!this.#isStarting) {
      // The first of all messages, replayed: its token is of then.
      if (this.#session) this.#session.heartbeatS = message.heartbeat_s;
      return;
    }
    const { session_id: id, resume_token: token, heartbeat_s: heartbeatS } = message;
    this.#session = { id, token, lastSeq: message.seq, heartbeatS, userId: this.#options.userId ?? "" };
    this.#isLoaded = false;
    this.#isVoiceLoading = false;
    this.#features = null;
    this.#noteAudio();
    const isContinued = message.continued ?? false;
    this.#continued = null;
    this.#seenBefore = 0;
    // An earlier talk's history follows; until it is here, nothing is current.
    this.#replayEnd = isContinued ? Number.POSITIVE_INFINITY : 0;
    this.#opened();
    const renewal = this.#renewal;
    this.#renewal = null;
    if (renewal) this.#emit("renewed", { ...renewal, sessionId: id });
    this.#emit("open", { sessionId: id, isResumed: false, isContinued, features: message.features ?? [] });
  }

  /** @param {import("./voice-agent-client.js").SessionResumed} message */
  #resumed(message) {
    const session = this.#session;
    if (!session) return;
    session.token = message.resume_token;
    // On a gap the history comes first of all; until it is here, nothing is current.
    // Counted from what was asked for: an older connection may have brought some of it meanwhile.
    this.#replayEnd = message.gap ? Number.POSITIVE_INFINITY : this.#askedSeq + message.replayed;
    // Only when the history is here is it known; a drop before it must lead to another gap.
    this.#seqAfterGap = message.gap ? message.next_seq - 1 : null;
    if (message.gap) {
      this.#sounding = null;
      this.#isVoiceLoading = false;
      this.#features = null;
    }
    // A server that has lost the messages may have lost this too; and after a reload it knows what was, not what is.
    this.#owesAudio = (message.gap && this.#hasVoice) || (this.#isLoaded && session.hasAudio === true);
    this.#isLoaded = false;
    this.#opened();
    this.#keepSession();
    this.#emit("resumed", message);
    this.#emit("open", { sessionId: session.id, isResumed: true, isContinued: false, features: [] });
    if (session.lastSeq >= this.#replayEnd) this.#beCurrent();
  }

  #opened() {
    this.#isStarting = false;
    this.#overlapTries = 0;
    this.#hasAskedTwice = false;
    this.#openedAt = this.#timers.now();
    this.#timers.clearTimeout(this.#timer);
    this.#silentBeats = 0;
    this.#beat();
    this.#tell({ status: "open" });
  }

  #beCurrent() {
    this.#isCurrent = true;
    this.#emit("current", { sessionId: this.sessionId });
    this.#repayAudio();
    for (const message of this.#controls.values()) this.#socket?.send(JSON.stringify(message));
    this.#controls.clear();
    this.#flush();
  }

  /** Whether anything of the voice was chosen. */
  get #hasVoice() {
    const { audio, voice, speed } = this.#options;
    return audio !== undefined || voice !== undefined || speed !== undefined;
  }

  /** Tells the server what it does not know, or no longer. */
  #repayAudio() {
    if (!this.#owesAudio) return;
    this.#owesAudio = false;
    const { audio = { out: false }, voice, speed } = this.#options;
    this.#socket?.send(JSON.stringify({ type: "session_update", audio: this.#possible(audio), voice, speed }));
    this.#noteAudio();
  }

  /**
   * As much of it as the server has; it would refuse more than that as a whole.
   *
   * @param {import("./voice-agent-client.js").AudioOptions} audio
   */
  #possible(audio) {
    const features = this.#features;
    if (!features) return audio;
    const { in: hears, ...others } = audio;
    const out = Boolean(audio.out) && features.includes("audio_out");
    return { ...others, ...(hears && features.includes("audio_in") && { in: hears }), out };
  }

  /**
   * What was refused while speech loaded is asked for again.
   *
   * @param {import("./voice-agent-client.js").FeaturesMessage} message
   */
  #featuresChanged(message) {
    this.#isVoiceLoading = false;
    this.#features = message.features;
    this.#emit("features", message);
    const { audio } = this.#options;
    if (!audio?.in && !audio?.out) return;
    this.#owesAudio = true;
    // In a replay it waits for the rest: what follows may say otherwise.
    if (this.#isCurrent) this.#repayAudio();
  }

  #noteAudio() {
    const { audio } = this.#options;
    if (this.#session) this.#session.hasAudio = Boolean(audio?.in || audio?.out);
    this.#keepSession();
  }

  /** @param {HistoryMessage} message */
  #restore(message) {
    if (this.#session && this.#seqAfterGap !== null) this.#session.lastSeq = this.#seqAfterGap;
    this.#seqAfterGap = null;
    const turn = message.turn;
    const order = message.messages.map((entry) => entry.turn_id);
    // What waits will be answered, also where something was said to it before the server went.
    const waiting = new Set(message.waiting ?? []);
    for (const turnId of waiting) this.#answers.delete(turnId);
    for (const { role, turn_id: turnId, ending } of message.messages) {
      // Withdrawn, or cut before a word: what was heard of the others stands behind, and takes its place.
      if (role !== "user" || ending !== "interrupted" || this.#answers.has(turnId)) continue;
      this.#answers.set(turnId, { turnId, text: "", finishReason: ending, usage: null, timingsMs: null, durable: null });
    }
    this.#failedTurns = new Set(
      message.messages.filter(({ ending }) => ending === "failed").map(({ turn_id }) => turn_id),
    );
    for (const entry of message.messages) {
      if (entry.role !== "assistant" || entry.turn_id === turn?.turn_id || waiting.has(entry.turn_id)) continue;
      const finishReason = entry.interrupted ? "interrupted" : "stop";
      const unknown = { usage: null, timingsMs: null, durable: null };
      const { turn_id: turnId, content: text } = entry;
      const cut = entry.truncated && { truncated: true };
      this.#answers.set(turnId, { turnId, text, finishReason, ...unknown, ...cut });
    }
    this.#turnId = turn?.turn_id ?? null;
    const running = message.tools.filter((tool) => tool.status === "running");
    this.#tools = new Map(running.map((tool) => [tool.call_id, tool.name]));
    const withoutTurn = this.#tools.size > 0 ? "processing_tool" : "idle";
    this.#state = turn ? (turn.text ? "speaking" : "thinking") : withoutTurn;
    const place = turn ? order.indexOf(turn.turn_id) : -1;
    this.#suspects = [];
    /** @type {Text[]} */
    const lost = [];
    for (const text of this.#texts.values()) {
      if (text.status !== "accepted" || text.turnId === null || waiting.has(text.turnId)) continue;
      if (this.#failedTurns.has(text.turnId)) {
        lost.push(text);
        continue;
      }
      if (this.#endByHistory(text)) continue;
      // Turns end in order: what was said before the running one has ended, somehow.
      if (text.turnId !== turn?.turn_id && (place < 0 || order.indexOf(text.turnId) < place)) {
        this.#suspects.push(text);
      }
    }
    this.#emit("history", message);
    for (const text of lost) this.#failHere(text, "turn_failed");
    this.#emit("state", { type: "state", state: this.#state });
    // What was said about them after the history is here when this has its answer.
    if (this.#suspects.length > 0) this.#socket?.send('{"type":"ping"}');
    this.#replayEnd = 0;
    this.#beCurrent();
  }

  #judgeSuspects() {
    for (const text of this.#suspects.splice(0)) if (text.status === "accepted") this.#failHere(text, "ending_lost");
  }

  /** @param {Text} text */
  #endByHistory(text) {
    const answer = this.#answers.get(text.turnId ?? "");
    if (answer) this.#ended(text, () => text.done.resolve(answer));
    return answer !== undefined;
  }

  /** Its turn ended before its receipt was here. @param {Text} text */
  #endEarly(text) {
    const end = this.#early.get(text.turnId ?? "");
    if (!end || text.status === "ended") return false;
    this.#ended(text, () => (end instanceof VoiceAgentError ? this.#reject(text, end) : text.done.resolve(end)));
    return true;
  }

  /**
   * @param {string} turnId
   * @param {Answer | VoiceAgentError} end
   */
  #noteEarly(turnId, end) {
    // Only a text that was sent, and whose receipt was lost, can still be in want of it.
    if (![...this.#texts.values()].some((text) => text.status === "sent")) return;
    this.#early.set(turnId, end);
    if (this.#early.size > MAX_EARLY_ENDS) this.#early.delete(this.#early.keys().next().value ?? "");
  }

  /** @param {import("./voice-agent-client.js").MessageAccepted} message */
  #accepted(message) {
    const text = this.#texts.get(message.id ?? "");
    if (text) {
      text.turnId = message.turn_id;
      if (text.status !== "ended") text.status = "accepted";
      text.accepted.resolve({ turnId: message.turn_id, durable: message.durable });
      if (!this.#endEarly(text) && !this.#endByHistory(text) && this.#failedTurns.has(message.turn_id)) {
        this.#failHere(text, "turn_failed");
      }
      this.#keepTexts();
    }
    this.#emit("accepted", text ? { ...message, content: text.content, at: text.at } : message);
  }

  /** @param {import("./voice-agent-client.js").ResponseComplete} message */
  #completed(message) {
    const { turn_id: turnId, text: words, finish_reason: finishReason, usage, durable } = message;
    this.#endTurn(turnId);
    const text = this.#textOf(turnId);
    const answer = { turnId, text: words, finishReason, usage, timingsMs: message.timings_ms, durable };
    this.#emit("complete", message);
    if (text) this.#ended(text, () => text.done.resolve(answer));
    else this.#noteEarly(turnId, answer);
  }

  /**
   * @param {import("./voice-agent-client.js").ErrorMessage} message
   * @param {number | null} seq
   */
  #failed(message, seq) {
    if (message.code === "voice_loading") this.#isVoiceLoading = true;
    const text = this.#texts.get(message.id ?? "") ?? this.#textOf(message.turn_id) ?? this.#unread(message, seq);
    if (message.turn_id) this.#endTurn(message.turn_id);
    this.#emit("error", text ? { ...message, id: text.id } : message);
    const error = new VoiceAgentError(message.code, message.content, message.retryable);
    if (!text && message.turn_id) this.#noteEarly(message.turn_id, error);
    if (!text) return;
    this.#ended(text, () => this.#reject(text, error));
  }

  /**
   * The text that the server could not read, and so could not name. What it says comes in the order of what it
   * heard: it is the oldest without a receipt.
   *
   * @param {import("./voice-agent-client.js").ErrorMessage} message
   * @param {number | null} seq
   */
  #unread({ code, id, turn_id, call_id }, seq) {
    if (id || turn_id || call_id || (code !== "too_large" && code !== "bad_message")) return undefined;
    if (seq !== null && seq <= this.#seenBefore) return undefined;
    return [...this.#texts.values()].find((text) => text.status === "sent");
  }

  /**
   * The server will not open the talk as it was asked to.
   *
   * @param {import("./voice-agent-client.js").ErrorMessage} message
   */
  #refused(message) {
    const socket = this.#socket;
    if (!socket || message.retryable) return this.#emit("error", message);
    const isUnauthorized = message.code === "unauthorized";
    if (this.#session && !this.#isStarting && !isUnauthorized) {
      this.#forgetSession("resume_refused");
      return this.#start(socket);
    }
    if (!isUnauthorized) this.#continued = null;
    this.#emit("error", message);
    this.#finish(socket, isUnauthorized ? UNAUTHORIZED : 1008, message.code);
  }

  // Texts

  /** Sends what waits, in order, as far as the server has room. */
  #flush() {
    if (!this.#isCurrent || this.#returnAfterMs !== null) return;
    const texts = [...this.#texts.values()];
    const unsent = texts.filter((text) => text.status === "queued" || (text.status === "sent" && !text.isOnWire));
    const open = texts.filter((text) => text.status !== "ended");
    const room = (this.#options.maxOpenTexts ?? MAX_OPEN_TEXTS) - (open.length - unsent.length);
    const urgent = unsent.findLastIndex((text) => text.interrupt) + 1;
    for (const text of unsent.slice(0, Math.max(room, urgent))) {
      if (!this.#mayLeave()) break;
      this.#send(text);
    }
    this.#keepTexts();
  }

  /** Whether a text may leave now; if not, all that waits is tried again when one may. */
  #mayLeave() {
    const now = this.#timers.now();
    this.#leftAt = this.#leftAt.filter((at) => now - at < 1000);
    if (this.#leftAt.length < MAX_TEXTS_PER_S) {
      this.#leftAt.push(now);
      return true;
    }
    this.#pacing ??= this.#timers.setTimeout(() => {
      this.#pacing = null;
      this.#flush();
    }, 1000 - (now - this.#leftAt[0]));
    return false;
  }

  /** @param {Text} text */
  #send(text) {
    const { id, content, interrupt, revises } = text;
    text.status = "sent";
    text.isOnWire = true;
    const said = { type: "text", id, content, ...(interrupt && { interrupt }) };
    const revised = { type: "revise", id, turn_id: revises, ...(content && { content }) };
    this.#socket?.send(JSON.stringify(revises ? revised : said));
    this.#emit("sent", known(text));
  }

  /**
   * Sends something that is no text.
   *
   * @param {string} key What it replaces while both wait.
   * @param {object} message
   * @param {unknown} isKept Whether it still makes sense after a while.
   */
  #control(key, message, isKept) {
    const socket = this.#socket;
    if (this.#isCurrent && socket && isOpen(socket)) socket.send(JSON.stringify(message));
    else if (isKept) this.#controls.set(key, message);
  }

  /** @param {string | undefined} turnId */
  #textOf(turnId) {
    if (!turnId) return undefined;
    return [...this.#texts.values()].find((text) => text.turnId === turnId);
  }

  /** @param {string} turnId */
  #endTurn(turnId) {
    if (this.#turnId === turnId) this.#turnId = null;
    this.#endSound(turnId);
  }

  /** @param {string | null} turnId */
  #endSound(turnId) {
    if (this.#sounding?.turn_id === turnId) this.#sounding = null;
  }

  /**
   * @param {Text} text
   * @param {() => void} settle
   */
  #ended(text, settle) {
    text.status = "ended";
    settle();
    this.#flush();
  }

  /**
   * @param {Text} text
   * @param {VoiceAgentError} error
   */
  #reject(text, error) {
    text.accepted.reject(error);
    text.done.reject(error);
  }

  /**
   * A text fails by what happened on this side.
   *
   * @param {Text} text
   * @param {"refused_on_wire" | "ending_lost" | "turn_failed"} code
   */
  #failHere(text, code) {
    const place = { id: text.id, ...(text.turnId && { turn_id: text.turnId }) };
    this.#emit("error", { type: "error", code, content: "", retryable: false, local: true, ...place });
    this.#ended(text, () => this.#reject(text, new VoiceAgentError(code)));
  }

  /**
   * The session is over, and with it all that the server had heard; what has not left stays.
   *
   * @param {RenewalReason} reason
   */
  #forgetSession(reason) {
    const session = this.#session;
    const lost = [...this.#texts.values()].filter(({ status }) => status === "sent" || status === "accepted");
    for (const text of lost) {
      text.status = "ended";
      this.#reject(text, new VoiceAgentError("session_lost"));
    }
    if (session) this.#renewal = { previousSessionId: session.id, reason, texts: lost.map(known) };
    this.#session = null;
    this.#state = "idle";
    this.#turnId = null;
    this.#tools.clear();
    this.#controls.clear();
    this.#answers.clear();
    this.#early.clear();
    this.#suspects = [];
    this.#memory.keep("session", null);
    this.#keepTexts();
  }

  // What is kept over a reload

  #remember() {
    const session = /** @type {Session | null} */ (this.#memory.read("session"));
    if (session && session.userId === (this.#options.userId ?? "")) {
      this.#seenBefore = session.lastSeq;
      this.#isLoaded = true;
      this.#session = this.#options.replayOnLoad ? { ...session, lastSeq: 0 } : session;
    }
    const texts = /** @type {Omit<Text, "accepted" | "done" | "isOnWire">[] | null} */ (this.#memory.read("texts"));
    for (const text of texts ?? []) {
      // Without its session, only what never left is still to be said.
      if (this.#session || text.status === "queued") this.#texts.set(text.id, newText(text));
    }
  }

  #keepSession() {
    const session = this.#session;
    if (session) this.#memory.keep("session", { ...session, lastSeq: Math.max(session.lastSeq, this.#seenBefore) });
  }

  /** Keeps the latest texts: a replay brings the answers alone, the page wants to show the questions too. */
  #keepTexts() {
    let chars = 0;
    const ended = [...this.#texts.values()].filter((text) => text.status === "ended").reverse();
    ended.forEach((text, index) => {
      chars += text.content.length;
      if (index >= MAX_KEPT_TEXTS || chars > MAX_KEPT_CHARS) this.#texts.delete(text.id);
    });
    this.#memory.keep("texts", [...this.#texts.values()].map(known));
  }

  /** @param {ConnectionStatus} status */
  #tell(status) {
    this.#connection = status;
    this.#emit("connection", status);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The storage of a page, or none; a full or forbidden one costs the memory, never the talk. */
class Memory {
  /**
   * @param {import("./voice-agent-client.js").StorageLike | null | undefined} storage
   * @param {string} key
   */
  constructor(storage, key) {
    this.storage = storage;
    this.key = key;
  }

  /**
   * @param {string} name
   * @returns {unknown} null where nothing readable is kept.
   */
  read(name) {
    try {
      return JSON.parse(this.storage?.getItem(`${this.key}.${name}`) ?? "null");
    } catch {
      return null;
    }
  }

  /**
   * @param {string} name
   * @param {unknown} value null: nothing is kept any more.
   */
  keep(name, value) {
    try {
      if (value === null) this.storage?.removeItem(`${this.key}.${name}`);
      else this.storage?.setItem(`${this.key}.${name}`, JSON.stringify(value));
    } catch {
      // Full or forbidden: a reload will remember less.
    }
  }
}

const systemTimers = {
  /** @type {(run: () => void, delayMs: number) => unknown} */
  setTimeout: (run, delayMs) => setTimeout(run, delayMs),
  /** @type {(timer: any) => void} */
  clearTimeout: (timer) => clearTimeout(timer),
  now: () => performance.now(),
};

/** A lone half of a surrogate pair is no text that a JSON message may carry. @param {string} text @returns {string} */
function wellFormed(text) {
  return /** @type {{toWellFormed?: () => string}} */ (text).toWellFormed?.() ?? text;
}

/** @param {number} code */
function isFault(code) {
  return code === 1011 || code === 1013 || WIRE_FAULTS.has(code);
}

/**
 * @param {unknown} frame
 * @returns {ServerMessage | null}
 */
function parse(frame) {
  if (typeof frame !== "string") return null;
  try {
    const value = JSON.parse(frame);
    return typeof value?.type === "string" ? value : null;
  } catch {
    return null;
  }
}

/** 128 random bits; `crypto.randomUUID` is missing on pages without TLS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return crypto.randomUUID?.() ?? Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {Omit<Text, "accepted" | "done" | "isOnWire">} values
 * @returns {Text}
 */
function newText(values) {
  return { ...values, isOnWire: false, accepted: deferred(), done: deferred() };
}

/**
 * Whether something that is sent may arrive: a browser closes a socket first, and says so later.
 *
 * @param {SocketLike} socket
 */
function isOpen(socket) {
  return (socket.readyState ?? 1) === 1;
}

/**
 * @param {Text} text
 * @returns {KnownText}
 */
function known({ id, content, interrupt, revises, at, status, turnId }) {
  return { id, content, interrupt, ...(revises && { revises }), at, status, turnId };
}

/**
 * @template T
 * @returns {Deferred<T>}
 */
function deferred() {
  /** @type {(value: T) => void} */
  let resolve = () => {};
  /** @type {(error: VoiceAgentError) => void} */
  let reject = () => {};
  const promise = new Promise((...ways) => ([resolve, reject] = ways));
  // Who does not look at it has the `error` event; an unhandled rejection would end a Node process.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
