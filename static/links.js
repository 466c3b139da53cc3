// @ts-check
/** Links in texts that others wrote, made of DOM nodes: no text ever becomes markup. */

import { show } from "./language.js";

const LINK = /(?:https?:\/\/|mailto:)[^\s<>"'`]+/gi;
/** A sentence's own sign at the end of a link is not part of it. */
const TRAILING = /[.,;:!?…»”’_~\]]+$/;
const MAX_ADDRESS = 2000;

/**
 * The text, with its web and mail addresses as links.
 *
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function withLinks(text) {
  const fragment = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = withoutTrailing(match[0]);
    if (!isAllowed(address)) continue;
    fragment.append(text.slice(end, match.index), link(address));
    end = match.index + address.length;
  }
  fragment.append(text.slice(end));
  return fragment;
}

/** @param {string} address */
export function withoutTrailing(address) {
  let cut = address.replace(TRAILING, "");
  // "(see https://example.org)" ends before the bracket, "https://example.org/a_(b)" does not.
  while (cut.endsWith(")") && !cut.includes("(")) cut = cut.slice(0, -1).replace(TRAILING, "");
  return cut;
}

/** @param {string} address */
export function isAllowed(address) {
  if (address.length > MAX_ADDRESS || !URL.canParse(address)) return false;
  return ["http:", "https:", "mailto:"].includes(new URL(address).protocol);
}

/** @param {string} address That is allowed. */
export function link(address) {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  anchor.textContent = address;
  return anchor;
}

/**
 * A link that others gave words to: where it goes stands beside them.
 *
 * @param {string} address That is allowed.
 * @param {Node[]} label
 */
export function labelledLink(address, label) {
  const anchor = link(address);
  anchor.replaceChildren(...label);
  if (anchor.textContent?.trim() === address) return anchor;
  anchor.title = address;
  const host = document.createElement("bdi");
  host.className = "link-host";
  host.textContent = ` (${placeOf(address)})`;
  anchor.append(host);
  return anchor;
}

/**
 * A picture is not loaded: whoever wrote its address would learn who reads it.
 *
 * @param {string} address That is allowed.
 * @param {string} description
 */
export function imageLink(address, description) {
  const kind = document.createElement("span");
  show(kind, "answer.image");
  const label = description ? [kind, `: ${description}`] : [kind];
  const content = document.createElement("span");
  content.append(...label);
  return labelledLink(address, [content]);
}

/** @param {string} address */
function placeOf(address) {
  const { protocol, host, pathname } = new URL(address);
  return protocol === "mailto:" ? decoded(pathname) : host;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
