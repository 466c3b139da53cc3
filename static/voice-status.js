// @ts-check
/** Whether speech works on this server, which may bring its parts while the page is open. */

import { locate } from "./api.js";
import { show } from "./language.js";
import { part } from "./dom.js";

/** @typedef {{status: string, detail: string}} Half Hearing, or speaking. */
/** @typedef {{name: string, label: string, language: string | null}} VoiceName */
/** @typedef {{status: string, progress: number, detail: string, in?: Half, out?: Half, voices?: VoiceName[]}} VoiceState */

const AGAIN_MS = 2000;

/** @type {Record<string, import("./texts.js").TextKey>} */
const WORDS = {
  off: "voice.off",
  loading: "voice.loading",
  ready: "voice.ready",
  degraded: "voice.degraded",
  not_installed: "voice.not_installed",
  failed: "voice.failed",
};

/** @type {ReturnType<typeof setTimeout> | undefined} */
let planned;

/**
 * Tells it in the panel and to others, and again while it changes.
 *
 * @param {(state: VoiceState) => void} tell
 */
export async function followVoice(tell) {
  clearTimeout(planned);
  const state = await askVoice();
  clearTimeout(planned);
  const { status, progress, detail } = state;
  const words = WORDS[status];
  if (words) {
    const half = missingHalf(state);
    if (half) show(part("voice"), half, { detail });
    else show(part("voice"), words, { percent: Math.floor(progress * 100), detail });
    tell(state);
  }
  // Where the server does not answer, the next try is worth as much.
  if (status === "loading" || !words) planned = setTimeout(() => void followVoice(tell), AGAIN_MS);
}

/**
 * What to say where one half works and the other one does not.
 *
 * @param {VoiceState} state
 * @returns {import("./texts.js").TextKey | null}
 */
export function missingHalf(state) {
  const isMissing = (/** @type {Half | undefined} */ half) => half?.status === "failed" || half?.status === "not_installed";
  const works = (/** @type {Half | undefined} */ half) => half?.status === "ready" || half?.status === "degraded";
  if (isMissing(state.out) && works(state.in)) return "voice.mute";
  if (isMissing(state.in) && works(state.out)) return "voice.deaf";
  return null;
}

/** @returns {Promise<VoiceState>} */
async function askVoice() {
  const unknown = { status: "", progress: 0, detail: "" };
  try {
    const response = await fetch(locate("/agent/health"));
    return response.ok ? ((await response.json()).voice ?? unknown) : unknown;
  } catch {
    return unknown;
  }
}
