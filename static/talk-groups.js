// @ts-check
/** The list of talks by days: those of today, of yesterday, and of longer ago. */

import { make } from "./dom.js";
import { phrase } from "./language.js";
import { daysAgo, monthOf } from "./moments.js";

/** @typedef {import("./talk-entry.js").TalkFacts} TalkFacts */

/**
 * @param {TalkFacts[]} talks The newest first.
 * @param {(talk: TalkFacts) => HTMLElement} elementOf
 * @returns {HTMLElement[]} A heading and a list for each group.
 */
export function grouped(talks, elementOf) {
  /** @type {Map<string, HTMLElement>} */
  const lists = new Map();
  for (const talk of talks) {
    const title = groupOf(new Date(talk.created_at));
    const list = lists.get(title) ?? make("ul", "talks-list");
    lists.set(title, list);
    list.append(elementOf(talk));
  }
  return [...lists].flatMap(([title, list]) => {
    list.setAttribute("aria-label", title);
    return [make("h3", "talks-group", title), list];
  });
}

/** @param {Date} moment */
function groupOf(moment) {
  const days = daysAgo(moment);
  if (days <= 0) return phrase("talks.today");
  if (days === 1) return phrase("talks.yesterday");
  return days < 7 ? phrase("talks.week") : monthOf(moment);
}
