// @ts-check
/**
 * What stands inside a paragraph: emphasis, code, links. Made of DOM nodes; nothing that others wrote becomes markup.
 *
 * A text may come in pieces, cut anywhere. What is decided is made once and stays; only what may still change, from
 * the last place on where nothing was open, is made anew with each piece. That rest is bounded, so a long paragraph
 * costs as much for each of its letters as a short one.
 */

import { imageLink, isAllowed, labelledLink, link, withoutTrailing } from "./links.js";

/** Letters that may wait for the sign that closes them; then they are taken as they stand. */
const MAX_OPEN = 2000;
/** Spans inside one another. */
const MAX_DEPTH = 8;
const MAX_LABEL = 500;
const GROWTH = 16;

const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"'`*|\\]+/iy;
const IN_ANGLES = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/iy;
const TARGET = /\(\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y;
/** A target that may still be closed by what comes. */
const OPEN_TARGET = /\([^)]*$/y;
const PLAIN = /[^\\`*_~[\]!<\shHmM]+/y;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const WORD_BEFORE = /[\p{L}\p{N}_]$/u;

/** @typedef {{sign: string, nodes: Node[]}} Span A span that is open; the outermost has no sign. */

/** The text of one block, which grows. */
export class InlineText {
  #element;
  #rest = "";
  /** How much of the rest was there when it was read last. */
  #read = 0;
  /** What of the rest is shown. @type {ChildNode[]} */
  #shown = [];
  /** What stands before the rest: a word goes on, or begins. */
  #before = "";

  /** @param {HTMLElement} element Gets the nodes. */
  constructor(element) {
    this.#element = element;
  }

  /** @param {string} text */
  add(text) {
    this.#rest += text;
    // A long rest is read anew when it has grown by a part of itself; until then what comes stands as it was written.
    if (this.#rest.length - this.#read < this.#rest.length / GROWTH) this.#addShown(text);
    else this.#render(false);
  }

  /** Nothing follows: what is open stays as it was written. */
  end() {
    this.#render(true);
  }

  /** @param {string} text */
  #addShown(text) {
    const node = new Text(text);
    this.#element.append(node);
    this.#shown.push(node);
  }

  /** @param {boolean} isWhole */
  #render(isWhole) {
    for (const node of this.#shown) node.remove();
    this.#shown = [];
    while (this.#rest) {
      const isLong = this.#rest.length >= MAX_OPEN;
      const piece = isLong ? this.#rest.slice(0, wholeLetters(this.#rest, MAX_OPEN)) : this.#rest;
      const reader = new Reader(piece, this.#before, isWhole && !isLong);
      const [length, nodes] = reader.read();
      if (length > 0) this.#commit(length, nodes);
      else if (isLong) this.#commit(piece.length, new Reader(piece, this.#before, true).read()[1]);
      else {
        this.#append(reader.guess());
        break;
      }
    }
    this.#read = this.#rest.length;
  }

  /** @param {ChildNode[]} nodes */
  #append(nodes) {
    this.#element.append(...nodes);
    this.#shown = nodes;
  }

  /**
   * @param {number} length Of what is decided.
   * @param {Node[]} nodes
   */
  #commit(length, nodes) {
    this.#before = this.#rest.slice(Math.max(0, length - 2), length);
    this.#rest = this.#rest.slice(length);
    for (const node of nodes) {
      const last = this.#element.lastChild;
      // Words that come one by one are one text.
      if (last instanceof Text && node instanceof Text) last.appendData(node.data);
      else this.#element.append(node);
    }
  }
}

/**
 * All of a text at once.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function fill(element, text) {
  const inline = new InlineText(element);
  inline.add(text);
  inline.end();
}

/** Reads a piece once, from left to right. */
class Reader {
  #text;
  #before;
  #isWhole;
  #at = 0;
  /** @type {Span[]} */
  #spans = [{ sign: "", nodes: [] }];
  #safeAt = 0;
  #safeNodes = 0;
  /** Whether it ends in something that needs its end to be known. */
  #isCut = false;

  /**
   * @param {string} text
   * @param {string} before What stands before it.
   * @param {boolean} isWhole Whether nothing follows.
   */
  constructor(text, before, isWhole) {
    this.#text = text;
    this.#before = before;
    this.#isWhole = isWhole;
  }

  /** @returns {[number, Node[]]} How much of it is decided, and what it is. */
  read() {
    this.#scan();
    if (this.#isWhole) {
      while (this.#spans.length > 1) this.#give();
      return [this.#text.length, this.#spans[0].nodes];
    }
    return [this.#safeAt, this.#spans[0].nodes.slice(0, this.#safeNodes)];
  }

  /** What it will be if all that is open is closed; after `read`. @returns {ChildNode[]} */
  guess() {
    while (this.#spans.length > 1) {
      const { sign, nodes } = /** @type {Span} */ (this.#spans.pop());
      if (nodes.length > 0) this.#push(span(sign, nodes));
    }
    return /** @type {ChildNode[]} */ (this.#spans[0].nodes);
  }

  #scan() {
    const text = this.#text;
    while (this.#at < text.length && !this.#isCut) {
      const sign = text[this.#at];
      if (/\s/.test(sign)) this.#space();
      else if (sign === "\\") this.#escape();
      else if (sign === "`") this.#code();
      else if (sign === "*" || sign === "_" || sign === "~") this.#emphasis(sign);
      else if (sign === "[" || sign === "!") this.#bracket();
      else if (sign === "<") this.#angles();
      else if (/[hm]/i.test(sign)) this.#address();
      else this.#plain();
    }
  }

  #space() {
    this.#say(this.#text[this.#at]);
    this.#at += 1;
    if (this.#spans.length > 1) return;
    this.#safeAt = this.#at;
    this.#safeNodes = this.#spans[0].nodes.length;
    // What is decided is not added to: it is handed out.
    this.#spans[0].nodes.push(new Text(""));
  }

  #plain() {
    const words = match(PLAIN, this.#text, this.#at)?.[0] ?? this.#text[this.#at];
    this.#say(words);
    this.#at += words.length;
  }

  #escape() {
    const next = this.#text[this.#at + 1];
    if (next === undefined && !this.#isWhole) return this.#cut();
    const isSign = next !== undefined && (next === "\n" || (next < "\u0080" && PUNCTUATION.test(next)));
    this.#say(isSign ? next : "\\");
    this.#at += isSign ? 2 : 1;
  }

  #code() {
    const fence = /`+/y;
    const [ticks] = /** @type {RegExpExecArray} */ (match(fence, this.#text, this.#at));
    const from = this.#at + ticks.length;
    const end = this.#endOfCode(ticks, from);
    if (end < 0 && !this.#isWhole) {
      const content = this.#text.slice(from);
      if (content) this.#push(element("code", content));
      return this.#cut();
    }
    if (end < 0) {
      this.#say(ticks);
      this.#at = from;
      return;
    }
    const content = this.#text.slice(from, end).replaceAll("\n", " ");
    const isPadded = /^ .*\S.* $/.test(content);
    this.#push(element("code", isPadded ? content.slice(1, -1) : content));
    this.#at = end + ticks.length;
  }

  /**
   * @param {string} ticks
   * @param {number} from
   */
  #endOfCode(ticks, from) {
    const runs = /`+/g;
    runs.lastIndex = from;
    for (let run = runs.exec(this.#text); run; run = runs.exec(this.#text)) {
      const isLast = runs.lastIndex === this.#text.length;
      // More of them may follow; then it is another fence.
      if (run[0].length === ticks.length && (this.#isWhole || !isLast)) return run.index;
    }
    return -1;
  }

  /** @param {string} sign */
  #emphasis(sign) {
    const run = /** @type {RegExpExecArray} */ (match(/([*_~])\1*/y, this.#text, this.#at))[0];
    const end = this.#at + run.length;
    if (end === this.#text.length && !this.#isWhole) return this.#cut();
    const before = this.#lettersBefore;
    const after = String.fromCodePoint(this.#text.codePointAt(end) ?? 32);
    this.#at = end;
    const isAfterSpace = !before || /\s$/.test(before);
    const isBeforeSpace = end >= this.#text.length || /\s/.test(after);
    const isAfterSign = PUNCTUATION.test([...before].at(-1) ?? "");
    const isInWord = WORD_BEFORE.test(before) && /[\p{L}\p{N}]/u.test(after);
    const opens = !isBeforeSpace && (!PUNCTUATION.test(after) || isAfterSpace || isAfterSign);
    // Models write "**Nota:**texto", and mean it.
    const closes = !isAfterSpace;
    // Three are the most that mean something; one wave is a sign of its own ("~5 min"), and 2*3*4 is no emphasis.
    const isSign = run.length > 3 || (sign === "~" && run.length !== 2) || (sign === "_" && isInWord);
    if (isSign || (run === "*" && /\d$/.test(before) && /\d/.test(after))) return this.#say(run);
    this.#turn(sign, run, opens, closes);
  }

  /**
   * @param {string} sign
   * @param {string} run
   * @param {boolean} opens
   * @param {boolean} closes
   */
  #turn(sign, run, opens, closes) {
    let left = run.length;
    while (closes && left > 0) {
      const place = this.#spans.findLastIndex((each) => each.sign[0] === sign && each.sign.length <= left);
      if (place < 1) break;
      while (this.#spans.length > place + 1) this.#give();
      const { sign: opened, nodes } = /** @type {Span} */ (this.#spans.pop());
      if (nodes.length > 0) this.#push(span(opened, nodes));
      else this.#say(opened + opened);
      left -= opened.length;
    }
    if (left === 0) return;
    const signs = left === 3 ? [sign, sign + sign] : [sign.repeat(left)];
    if (!opens || this.#spans.length + signs.length > MAX_DEPTH) return this.#say(sign.repeat(left));
    for (const each of signs) this.#spans.push({ sign: each, nodes: [] });
  }

  /** Takes back the innermost span: it was none. */
  #give() {
    const { sign, nodes } = /** @type {Span} */ (this.#spans.pop());
    this.#say(sign);
    const parent = /** @type {Span} */ (this.#spans.at(-1));
    for (const node of nodes) parent.nodes.push(node);
  }

  #bracket() {
    const isImage = this.#text[this.#at] === "!";
    const from = this.#at + (isImage ? 2 : 1);
    if (isImage && this.#text[this.#at + 1] !== "[") {
      if (this.#at + 1 === this.#text.length && !this.#isWhole) return this.#cut();
      return this.#take("!");
    }
    const end = endOfLabel(this.#text, from);
    if (end === undefined) {
      if (this.#isWhole) return this.#take(isImage ? "![" : "[");
      this.#say(this.#text.slice(from));
      return this.#cut();
    }
    const label = end < 0 ? "" : this.#text.slice(from, end);
    if (end < 0) return this.#take(isImage ? "![" : "[");
    const target = match(TARGET, this.#text, end + 1);
    if (!target && !this.#isWhole && this.#mayHaveTarget(end + 1)) {
      this.#say(label);
      return this.#cut();
    }
    const address = (target?.[1] ?? target?.[2] ?? "").replace(/\\(.)/g, "$1");
    if (!target || !isAllowed(address)) return this.#take(isImage ? "![" : "[");
    if (isImage) this.#push(imageLink(address, label));
    else this.#push(this.#labelled(address, label));
    this.#at = end + 1 + target[0].length;
  }

  /** @param {number} at Behind the label. */
  #mayHaveTarget(at) {
    return at === this.#text.length || match(OPEN_TARGET, this.#text, at) !== null;
  }

  /**
   * @param {string} address
   * @param {string} label
   */
  #labelled(address, label) {
    const content = document.createElement("span");
    // A link inside a link is none.
    fill(content, label);
    for (const inner of content.querySelectorAll("a")) inner.replaceWith(inner.textContent ?? "");
    return labelledLink(address, [...content.childNodes]);
  }

  #angles() {
    const found = match(IN_ANGLES, this.#text, this.#at);
    if (!found || !isAllowed(found[1])) return this.#take("<");
    this.#push(link(found[1]));
    this.#at += found[0].length;
  }

  #address() {
    const found = WORD_BEFORE.test(this.#lettersBefore) ? null : match(ADDRESS, this.#text, this.#at);
    const address = withoutTrailing(found?.[0] ?? "");
    if (!address || !isAllowed(address)) return this.#take(this.#text[this.#at]);
    this.#push(link(address));
    this.#at += address.length;
  }

  get #lettersBefore() {
    return this.#at > 0 ? this.#text.slice(Math.max(0, this.#at - 2), this.#at) : this.#before;
  }

  /** @param {string} signs That mean nothing here. */
  #take(signs) {
    this.#say(signs);
    this.#at += signs.length;
  }

  /** What follows decides; until it is here nothing behind this is read. */
  #cut() {
    this.#isCut = true;
  }

  /** @param {string} words */
  #say(words) {
    const { nodes } = /** @type {Span} */ (this.#spans.at(-1));
    const last = nodes.at(-1);
    if (last instanceof Text) last.appendData(words);
    else nodes.push(new Text(words));
  }

  /** @param {Node} node */
  #push(node) {
    this.#spans.at(-1)?.nodes.push(node);
  }
}

/**
 * @param {RegExp} pattern A sticky one.
 * @param {string} text
 * @param {number} at
 */
function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * Where a link's label ends.
 *
 * @param {string} text
 * @param {number} from
 * @returns {number | undefined} -1: it is no label; undefined: it may be one, when more is here.
 */
function endOfLabel(text, from) {
  let depth = 0;
  for (let at = from; at < Math.min(text.length, from + MAX_LABEL); at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "[") depth += 1;
    else if (text[at] === "]" && depth === 0) return at;
    else if (text[at] === "]") depth -= 1;
    if (depth > MAX_DEPTH) return -1;
  }
  return text.length < from + MAX_LABEL ? undefined : -1;
}

/**
 * @param {string} text
 * @param {number} length Where it may be cut, or one letter before.
 */
function wholeLetters(text, length) {
  return /[\ud800-\udbff]/.test(text[length - 1]) ? length - 1 : length;
}

/**
 * @param {string} sign
 * @param {Node[]} nodes
 */
function span(sign, nodes) {
  const made = document.createElement(sign[0] === "~" ? "del" : sign.length === 2 ? "strong" : "em");
  made.append(...nodes);
  return made;
}

/**
 * @param {string} tag
 * @param {string} content
 */
function element(tag, content) {
  const made = document.createElement(tag);
  made.textContent = content;
  return made;
}
