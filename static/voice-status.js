// @ts-check
/** Whether speech works on this server, which may bring its parts while the page is open. */

import { show } from "./language.js";
import { part } from "./dom.js";

const AGAIN_MS = 2000;

/** @type {Record<string, import("./texts.js").TextKey>} */
const WORDS = {
  off: "voice.off",
  loading: "voice.loading",
  ready: "voice.ready",
  not_installed: "voice.not_installed",
  failed: "voice.failed",
};

/** Tells it in the panel, and again while it changes. */
export async function followVoice() {
  const line = part("voice");
  const { status, progress, detail } = await askVoice();
  const words = WORDS[status];
  if (words) show(line, words, { percent: Math.floor(progress * 100), detail });
  // Where the server does not answer, the next try is worth as much.
  if (status === "loading" || !words) setTimeout(() => void followVoice(), AGAIN_MS);
}

/** @returns {Promise<{status: string, progress: number, detail: string}>} */
async function askVoice() {
  const unknown = { status: "", progress: 0, detail: "" };
  try {
    const response = await fetch("/agent/health");
    return response.ok ? ((await response.json()).voice ?? unknown) : unknown;
  } catch {
    return unknown;
  }
}
