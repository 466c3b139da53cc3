/** What shows the talk: `talk.js` tells it, `view.js` does it. All ids are the protocol's. */

import type { EmotionLabel, ToolStatus } from "./voice-agent-client.js";

/** `hearing`: it is still being said. */
export type TextStatus = "hearing" | "waiting" | "queued" | "sent" | "accepted" | "answered" | "interrupted" | "failed" | "lost";
export type Ending = "whole" | "interrupted" | "cut";
/** `unknown`: it changes something, and nobody knows whether it did. */
export type ToolEnding = ToolStatus | "lost" | "unknown" | "denied" | "expired";
/** What a card shows when it is opened; what nobody knows is missing. */
export interface ToolDetails {
  values?: unknown;
  result?: unknown;
  error?: string;
  /** Not all of the result is here. */
  isPart?: boolean;
  /** The user was asked, and said yes. */
  isApproved?: boolean;
  startedAt?: number;
}

/** Times are milliseconds since 1970; null where nobody knows. */
export interface TalkView {
  addText(id: string, content: string, at: number | null): void;
  /** Only a part of a text, or of a turn's answer, is here. */
  markCut(id: string): void;
  rewordText(id: string, content: string): void;
  removeText(id: string): void;
  /** What a text says; empty where it is not there. */
  wordsOf(id: string): string;
  /** The turn that answers a text: by it the text can be revised. */
  bindText(id: string, turn: string): void;
  /** Another turn has taken its place. */
  removeTurn(turn: string): void;
  /** How the user seems to feel. */
  showMood(id: string, mood: EmotionLabel): void;
  markText(id: string, status: TextStatus): void;
  /** Without a text it is the agent's own turn, or answers one that is not known here. */
  openTurn(turn: string, text: string | null, at: number | null, source?: "tool" | "agent"): void;
  addChunk(turn: string, content: string): void;
  /** `heard`: what of an answer that was stopped has left, or was heard; missing where nobody knows. */
  closeTurn(turn: string, ending: Ending, heard?: string | null): void;
  /** Its answer was not heard, or not whole, and another one follows. */
  takeBack(turn: string): void;
  startTool(call: string, name: string, turn: string | null): void;
  detailTool(call: string, details: ToolDetails): void;
  moveTool(call: string, elapsedS: number, message: string, fraction: number | null): void;
  endTool(call: string, ending: ToolEnding, elapsedS: number | null): void;
  /** A tool waits for the user's word. `mayRepeat`: the very same may have been done before. */
  askApproval(
    call: string,
    name: string,
    values: unknown,
    seconds: number,
    turn: string | null,
    mayRepeat: boolean,
  ): void;
  endApproval(call: string): void;
  notice(sentence: string, turn: string | null): void;
  /** `content` is empty where the fault was found on this side. */
  fail(error: { code: string; content: string }, place: { turn: string | null; text: string | null }): void;
  clear(): void;
  /** Whether nothing is read aloud: it was heard before. */
  beQuiet(isQuiet: boolean): void;
}
