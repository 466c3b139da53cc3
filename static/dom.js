// @ts-check
/** Small ways to the page's elements. Texts go in as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * A part of the page by its `data-part`.
 *
 * @param {string} partName
 * @returns {HTMLElement}
 * @throws {Error} `index.html` has none.
 */
export function part(partName) {
  const element = document.querySelector(`[data-part="${partName}"]`);
  if (!(element instanceof HTMLElement)) throw new Error(`the page has no part ${partName}`);
  return element;
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {...(Node | string)} children
 */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/** @param {string} symbol The id of a symbol in the page. */
export function icon(symbol) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#${symbol}`);
  svg.append(use);
  return svg;
}

/** Somebody is about to answer. */
export function typingDots() {
  const dots = make("div", "typing", ...Array.from({ length: 3 }, () => make("span", "")));
  dots.setAttribute("aria-hidden", "true");
  return dots;
}
