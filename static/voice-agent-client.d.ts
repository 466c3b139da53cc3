/** The types of `voice-agent-client.js`: what it takes, what it gives, and every message of protocol v2 it hears. */

export type Locale = "es" | "en";
export type AgentState = "idle" | "listening" | "thinking" | "speaking" | "processing_tool";
export type FinishReason = "stop" | "interrupted" | "length" | "content_filter";
export type EmotionLabel = "neutral" | "frustrated" | "hurried" | "pleased";
export type ToolStatus = "done" | "failed" | "timed_out" | "cancelled" | "interrupted";

// What the server says. Fields and types that are not here may come as well.

export interface SessionCreated {
  type: "session_created";
  seq: number;
  session_id: string;
  timestamp: string;
  protocol: string;
  resume_token: string;
  resume_window_s: number;
  heartbeat_s: number;
  features: string[];
  audio: object | null;
  continued?: boolean;
}

export interface SessionResumed {
  type: "session_resumed";
  session_id: string;
  resume_token: string;
  replayed: number;
  gap: boolean;
  next_seq: number;
}

export interface HistoryEntry {
  role: "user" | "assistant";
  content: string;
  turn_id: string;
  created_at: string;
  interrupted: boolean;
  /** Only the beginning of it is here: it is too large for one frame. */
  truncated?: boolean;
  /** Of a user's text, how its turn has ended: answered, cut or withdrawn, or in an error. Missing before. */
  ending?: "complete" | "interrupted" | "failed";
  /** A back end had the agent say it. */
  source?: "backend";
}

/** A call that runs, or one that has ended, as `tool_finished` says it. */
export interface HistoryTool {
  call_id: string;
  name: string;
  status: ToolStatus | "running";
  /** The turn that it was made in; missing while it runs. */
  turn_id?: string;
  elapsed_s?: number;
  reason?: string;
  result?: unknown;
  error?: string;
  truncated?: boolean;
}

/** Replaces all that was shown: some messages are gone. Of at most 512 KiB; the oldest is left out. */
export interface HistoryMessage {
  type: "history";
  messages: HistoryEntry[];
  /** `truncated`: of its text only the end is here. */
  turn: { turn_id: string; text: string; truncated?: boolean } | null;
  tools: HistoryTool[];
  /** Turns of texts that were taken and have not begun, in order: each will be answered. */
  waiting?: string[];
}

export interface StateMessage {
  type: "state";
  state: AgentState;
}

export interface MessageAccepted {
  type: "message_accepted";
  id: string | null;
  turn_id: string;
  durable: boolean;
  utterance_id?: string;
  /** Of a revision: the turns in whose place this one comes; show them no more. */
  supersedes?: string[];
}

export interface TurnStarted {
  type: "turn_started";
  turn_id: string;
  source: "user" | "tool" | "agent";
}

export interface ResponseChunk {
  type: "response_chunk";
  turn_id: string;
  content: string;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

export interface Timings {
  queued: number | null;
  first_token: number | null;
  first_audio: number | null;
  total: number | null;
}

export interface ResponseComplete {
  type: "response_complete";
  turn_id: string;
  content: string;
  text: string;
  finish_reason: FinishReason;
  usage: Usage | null;
  timings_ms: Timings | null;
  durable: boolean;
}

export interface InterruptedMessage {
  type: "interrupted";
  turn_id: string | null;
  heard: string;
}

export interface ToolStarted {
  type: "tool_started";
  turn_id: string;
  call_id: string;
  name: string;
  arguments: unknown;
}

export interface ToolProgress {
  type: "tool_progress";
  call_id: string;
  name: string;
  elapsed_s: number;
  message?: string;
  fraction?: number;
}

export interface ToolFinished {
  type: "tool_finished";
  call_id: string;
  name: string;
  status: ToolStatus;
  elapsed_s: number;
  reason?: string;
  /** What a `done` call has brought: a JSON value of at most 2,000 characters, and where `truncated`, not all of it. */
  result?: unknown;
  /** A sentence, where it is not done. */
  error?: string;
  truncated?: boolean;
}

/** The call begins after a yes; without an answer in time it is a no. */
export interface ApprovalRequested {
  type: "approval_requested";
  call_id: string;
  name: string;
  arguments: unknown;
  expires_in_s: number;
  /** A call with the same name and arguments that may have acted already: say so beside the question. */
  earlier?: { call_id: string; status: ToolStatus; reason: "outcome_unknown" };
}

/** The server has loaded its speech, or could not; what `SessionCreated` said of it is out of date. */
export interface FeaturesMessage {
  type: "features";
  features: string[];
}

export interface SpeechStarted {
  type: "speech_started";
  utterance_id: string;
}

export interface SpeechStopped {
  type: "speech_stopped";
  utterance_id: string;
  /** No turn comes of it. */
  empty: boolean;
}

export interface Transcript {
  type: "transcript";
  utterance_id: string;
  content: string;
  /** A joined utterance has a second final one, with all the words. */
  final: boolean;
  language: Locale;
  emotion?: { label: EmotionLabel; confidence: number } | null;
}

/** What is held of the turn's sound beyond `offset_ms` is to be thrown away. */
export interface AudioStarted {
  type: "audio_started";
  turn_id: string;
  format: "pcm16";
  sample_rate_hz: number;
  offset_ms: number;
}

export interface AudioComplete {
  type: "audio_complete";
  turn_id: string;
}

export interface PlaybackHint {
  type: "playback_hint";
  turn_id: string;
  action: "duck" | "resume";
}

export type ToolMessage = ToolStarted | ToolProgress | ToolFinished;

export interface ErrorMessage {
  type: "error";
  content: string;
  code: string;
  retryable: boolean;
  id?: string;
  turn_id?: string;
  call_id?: string;
  /** Set where nothing came from the server: `refused_on_wire`, `ending_lost`, `turn_failed`. */
  local?: boolean;
}

export interface SystemMessage {
  type: "system";
  content: string;
}

export interface Pong {
  type: "pong";
}

export interface GoingAway {
  type: "going_away";
  reason: string;
  reconnect_after_s: number;
  /** How long turns that run may still take, in seconds. */
  deadline_s?: number;
  /** Another process serves: a second connection may take the session over while this one still lives. */
  overlap?: boolean;
}

export type ServerMessage =
  | SessionCreated
  | SessionResumed
  | HistoryMessage
  | StateMessage
  | MessageAccepted
  | TurnStarted
  | ResponseChunk
  | ResponseComplete
  | InterruptedMessage
  | ToolMessage
  | ApprovalRequested
  | SpeechStarted
  | SpeechStopped
  | Transcript
  | AudioStarted
  | AudioComplete
  | PlaybackHint
  | FeaturesMessage
  | ErrorMessage
  | SystemMessage
  | Pong
  | GoingAway;

// What the client says.

/** What sound a session has; without `in` or `out`, that side has none. */
export interface AudioOptions {
  in?: { sample_rate_hz: 8000 | 16000 | 24000 | 48000 };
  out?: boolean;
  /** `manual`: `commitAudio` says when something has been said (push-to-talk). Default `auto`. */
  turn_detection?: "auto" | "manual";
}

export interface SessionValues {
  locale?: Locale;
  /** A voice's name; empty for the language's own. */
  voice?: string;
  /** From 0.5 to 2. */
  speed?: number;
  audio?: AudioOptions;
}

/** A piece of the agent's voice. */
export interface Sound {
  turnId: string;
  sampleRateHz: number;
  pcm: Int16Array;
}

export interface KnownText {
  id: string;
  /** Empty for a revision that asks the same words again. */
  content: string;
  interrupt: boolean;
  /** The turn whose text it stands in for. */
  revises?: string;
  /** When it was said, in milliseconds since 1970. */
  at: number;
  status: "queued" | "sent" | "accepted" | "ended";
  turnId: string | null;
}

export interface Receipt {
  turnId: string;
  durable: boolean;
}

/** An answer; what a history does not tell is null. */
export interface Answer {
  turnId: string;
  text: string;
  finishReason: FinishReason;
  usage: Usage | null;
  timingsMs: Timings | null;
  durable: boolean | null;
  /** Only the beginning of the text is here. */
  truncated?: boolean;
}

/** Both promises reject with a `VoiceAgentError`; nobody has to look at them. */
export interface Said {
  id: string;
  accepted: Promise<Receipt>;
  done: Promise<Answer>;
}

/** `waiting` comes back by itself after `delayMs`; `closed` does not. */
export type ConnectionStatus =
  | { status: "connecting" | "open" }
  | { status: "waiting"; code: number; reason: string; delayMs: number }
  | { status: "closed"; code: number; reason: string };

export type RenewalReason = "resume_refused" | "ended" | "asked";

/** A new session stands in for an earlier one; `texts` had no ending there, and are not sent again. */
export interface Renewal {
  previousSessionId: string;
  sessionId: string;
  reason: RenewalReason;
  texts: KnownText[];
}

export interface Opened {
  sessionId: string;
  isResumed: boolean;
  /** An earlier talk goes on; its `history` follows. */
  isContinued: boolean;
  features: string[];
}

export interface ClientEvents {
  connection: ConnectionStatus;
  open: Opened;
  resumed: SessionResumed;
  renewed: Renewal;
  history: HistoryMessage;
  /** All that was missed has been heard. */
  current: { sessionId: string };
  sent: KnownText;
  accepted: MessageAccepted & { content?: string; at?: number };
  state: StateMessage;
  turn: TurnStarted;
  chunk: ResponseChunk;
  complete: ResponseComplete;
  interrupted: InterruptedMessage;
  tool: ToolMessage;
  approval_requested: ApprovalRequested;
  speech_started: SpeechStarted;
  speech_stopped: SpeechStopped;
  transcript: Transcript;
  audio_started: AudioStarted;
  audio: Sound;
  audio_complete: AudioComplete;
  playback_hint: PlaybackHint;
  features: FeaturesMessage;
  error: ErrorMessage;
  notice: SystemMessage;
  going_away: GoingAway;
  /** A type that this library does not know. */
  message: { type: string };
}

// What the client needs.

export interface SocketLike {
  readonly protocol: string;
  readonly bufferedAmount?: number;
  /** 1 while it is open, as in `WebSocket`; without it, it counts as open until it says `close`. */
  readonly readyState?: number;
  binaryType: string;
  send(frame: any): void;
  close(code?: number): void;
  addEventListener(type: string, listener: (event: any) => void): void;
}

export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Timers {
  setTimeout(run: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Milliseconds from any point. */
  now(): number;
}

export interface ClientOptions extends SessionValues {
  /** The constructor; the runtime's own if it has one. */
  WebSocket?: new (url: string, protocols: string[]) => SocketLike;
  userId?: string;
  /** Where the server asks for one. */
  token?: string;
  /** Such as `sessionStorage`: a reload goes on with the same session. */
  storage?: StorageLike | null;
  /** Two clients on one storage need two keys. */
  storageKey?: string;
  /** A resume after a reload brings the whole talk again, for a page that has forgotten it. */
  replayOnLoad?: boolean;
  /** Texts that may be at the server without an ending; the others wait here. Default 8. */
  maxOpenTexts?: number;
  random?: () => number;
  timers?: Timers;
}

export const PROTOCOL: "voice-agent.v2";
export const UNAUTHORIZED: 4401;
export const RETURNING_CODES: ReadonlySet<number>;
export function mayReturn(code: number): boolean;
export function backOff(failures: number, random: number): number;

export class VoiceAgentError extends Error {
  constructor(code: string, message?: string, retryable?: boolean);
  code: string;
  retryable: boolean;
}

export class VoiceAgentClient extends EventTarget {
  constructor(url: string, options?: ClientOptions);
  readonly sessionId: string | null;
  readonly state: AgentState;
  readonly turnId: string | null;
  readonly tools: ReadonlyMap<string, string>;
  readonly connection: ConnectionStatus;
  readonly isCurrent: boolean;
  /** Sound was refused because the server's speech still loads. */
  readonly isVoiceLoading: boolean;
  readonly openTexts: KnownText[];
  connect(how?: { token?: string }): void;
  say(content: string, how?: { interrupt?: boolean; id?: string }): Said;
  revise(turnId: string, content?: string): Said;
  interrupt(turnId?: string | null): void;
  cancelTool(callId: string): void;
  approveTool(callId: string, approved: boolean): void;
  updateSession(values: SessionValues): void;
  sendAudio(pcm: Int16Array | ArrayBuffer): boolean;
  sendRecording(content: string): boolean;
  commitAudio(): void;
  clearAudio(): void;
  reportPlayback(turnId: string, playedMs: number): void;
  end(): void;
  close(): void;
  renew(how?: {
    userId?: string;
    locale?: Locale;
    token?: string;
    forget?: boolean;
    /** The session is not ended; it goes on at the server, and waits its window. */
    leave?: boolean;
  }): void;
  continueTalk(sessionId: string): void;
  addEventListener<Name extends keyof ClientEvents>(
    type: Name,
    listener: (event: CustomEvent<ClientEvents[Name]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
