// @ts-check
/** How long a turn took, stage by stage, and how many tokens, folded away below its answer. */

import { make } from "./dom.js";
import { locale, show } from "./language.js";
import { tenths } from "./moments.js";

/** @typedef {import("./latency.js").TurnTimes} TurnTimes */

/**
 * @param {TurnTimes} times
 * @param {import("./voice-agent-client.js").Usage | null} usage As the model counts it; null where it does not.
 */
export function waterfall({ stages, totalMs, key, keyMs }, usage) {
  const details = make("details", "times");
  const summary = make("summary", "times-summary");
  show(summary, key, { seconds: tenths(keyMs / 1000) });
  const rows = make("dl", "times-rows");
  const widthMs = Math.max(1, ...stages.map(({ toMs }) => toMs));
  for (const { stage, fromMs, toMs } of stages) {
    const name = make("dt", "");
    show(name, `stage.${stage}`);
    const bar = make("span", "times-bar");
    bar.setAttribute("aria-hidden", "true");
    bar.style.setProperty("--from", String(fromMs / widthMs));
    bar.style.setProperty("--length", String((toMs - fromMs) / widthMs));
    rows.append(make("div", "times-row", name, bar, make("dd", "", milliseconds(toMs - fromMs))));
  }
  const total = make("p", "times-total");
  show(total, "times.total", { seconds: tenths(totalMs / 1000) });
  details.append(summary, rows, total);
  if (usage) {
    const tokens = make("p", "times-total");
    const { prompt_tokens: asked, completion_tokens: answered } = usage;
    show(tokens, "times.tokens", { asked: asked.toLocaleString(locale()), answered: answered.toLocaleString(locale()) });
    details.append(tokens);
  }
  return details;
}

/** @param {number} ms */
function milliseconds(ms) {
  return `${Math.round(ms).toLocaleString(locale())} ms`;
}
