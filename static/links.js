// @ts-check
/** Links in texts that others wrote, made of DOM nodes: no text ever becomes markup. */

const LINK = /(?:https?:\/\/|mailto:)[^\s<>"'`]+/gi;
/** A sentence's own sign at the end of a link is not part of it. */
const TRAILING = /[.,;:!?…»”’]+$/;

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
function withoutTrailing(address) {
  const cut = address.replace(TRAILING, "");
  // "(see https://example.org)" ends before the bracket, "https://example.org/a_(b)" does not.
  if (cut.endsWith(")") && !cut.includes("(")) return withoutTrailing(cut.slice(0, -1));
  return cut;
}

/** @param {string} address */
function isAllowed(address) {
  return URL.canParse(address) && ["http:", "https:", "mailto:"].includes(new URL(address).protocol);
}

/** @param {string} address */
function link(address) {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  anchor.textContent = address;
  return anchor;
}
