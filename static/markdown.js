// @ts-check
/**
 * An answer as models write it: headings, lists, tables, quotes, code. It grows by pieces that are cut anywhere.
 *
 * Each line is looked at once: as soon as its beginning says what it is, the rest of it goes where it belongs. What a
 * model writes as HTML is text.
 */

import { CodeBlock } from "./code-block.js";
import { make } from "./dom.js";
import { name } from "./language.js";
import { fill, InlineText } from "./markdown-inline.js";
import { cellsOf, isRule, readTable, Table } from "./markdown-table.js";

/** Lists and quotes inside one another; deeper ones are text. */
const MAX_DEPTH = 10;
/** A line of signs alone that is longer than this is looked at once, at its end. */
const MAX_SIGNS = 200;

/** As long as a line has only these, what it is may still change. */
const UNDECIDED = /^[\s>#*+\-_~`|:=\d.)[\]xX]*$/;
const RULE = /^(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const FENCE = /^(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^(#{1,6})(?:[ \t]+|$)/;
const MARKER = /^([*+-]|\d{1,9}[.)])(?:[ \t]+|$)/;
const TASK = /^\[([ xX])\](?:[ \t]+|$)/;

/**
 * @typedef {object} Box A quote, or an item of a list.
 * @property {"quote" | "item"} kind
 * @property {HTMLElement} element Where its blocks go.
 * @property {string} sign Of an item: what kind of list it is in.
 * @property {number} indent Of an item: where its sign stood.
 * @property {number} inner Of an item: where its text begins.
 */

/** @typedef {{kind: "text", element: HTMLElement, inline: InlineText, lines: string[]}} TextLeaf */
/** @typedef {{kind: "code", block: CodeBlock, fence: string, indent: number}} CodeLeaf */
/** @typedef {{kind: "table", table: Table}} TableLeaf */
/** @typedef {TextLeaf | CodeLeaf | TableLeaf} Leaf */

export class Markdown {
  #root;
  /** @type {Box[]} */
  #boxes = [];
  /** @type {Leaf | null} */
  #leaf = null;
  /** The line that comes, as long as nobody knows what it is. */
  #held = "";
  /** Where the rest of a line goes that has begun. @type {((piece: string) => void) | null} */
  #more = null;
  /** Whether what is held is sure to be decided at the line's end only. */
  #waitsForEnd = false;
  /** Of the last heading; that of the talk is 2. */
  #level = 2;

  /** @param {HTMLElement} root Gets the blocks. */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} text */
  add(text) {
    for (let from = 0; from < text.length; ) {
      const end = text.indexOf("\n", from);
      const piece = text.slice(from, end < 0 ? text.length : end);
      this.#take(piece);
      if (end < 0) return;
      this.#endLine();
      from = end + 1;
    }
  }

  /** Nothing follows. */
  end() {
    if (this.#held || this.#more) this.#endLine();
    this.#closeLeaf();
    for (const each of this.#root.querySelectorAll("ul, ol, blockquote")) each.setAttribute("dir", "auto");
  }

  /** @param {string} piece Of a line, without its end. */
  #take(piece) {
    if (this.#more) return this.#more(piece);
    this.#held += piece;
    if (this.#waitsForEnd || !this.#held.trim()) return;
    const isOpen = UNDECIDED.test(this.#held) || (this.#leaf?.kind === "code" && !isCode(this.#held));
    if (isOpen && this.#held.length < MAX_SIGNS) return;
    if (isOpen || this.#leaf?.kind === "table" || /^[\s>]*(?:```|~~~)/.test(this.#held)) this.#waitsForEnd = true;
    else this.#begin(this.#held, false);
  }

  #endLine() {
    if (!this.#more) this.#begin(this.#held, true);
    this.#more = null;
    this.#held = "";
    this.#waitsForEnd = false;
  }

  /**
   * A line begins: what it goes on with stays open, the rest is closed.
   *
   * @param {string} line As much of it as is here.
   * @param {boolean} isWhole
   */
  #begin(line, isWhole) {
    const leaf = this.#leaf;
    if (leaf?.kind === "code" && this.#boxes.length === 0) return this.#continueCode(leaf, line, isWhole);
    const [kept, rest, indent] = this.#matchBoxes(line.replace(/^[\s>]+/, (signs) => signs.replaceAll("\t", "    ")));
    const isInside = this.#boxes.slice(kept).every(({ kind }) => kind === "item");
    // Models forget to indent the code of an item; its fence says where it ends.
    if (leaf?.kind === "code" && isInside) return this.#continueCode(leaf, rest, isWhole);
    const text = rest.trimStart();
    if (!text) return this.#blank(kept);
    const isText = leaf?.kind === "text" && !this.#startsBlock(text, leaf);
    // Who goes on with a paragraph may leave out the signs before it.
    if (isText && leaf.lines.length > 0 && (kept === this.#boxes.length || !this.#isNewItem(text))) {
      return this.#continueText(leaf, text, isWhole);
    }
    if (kept === this.#boxes.length && leaf?.kind === "table" && isWhole && !this.#startsBlock(text, null)) {
      return leaf.table.add(cellsOf(text));
    }
    this.#closeLeaf();
    this.#boxes.length = kept;
    this.#openBlocks(text, indent + rest.length - text.length, isWhole);
  }

  /**
   * How many of the open boxes the line stands in.
   *
   * @param {string} line
   * @returns {[number, string, number]} With the line behind their signs, and where that begins.
   */
  #matchBoxes(line) {
    let rest = line;
    let column = 0;
    let kept = 0;
    for (const box of this.#boxes) {
      const indent = rest.length - rest.trimStart().length;
      if (box.kind === "quote") {
        if (indent > 3 || rest[indent] !== ">") break;
        const width = indent + (rest[indent + 1] === " " ? 2 : 1);
        rest = rest.slice(width);
        column += width;
      } else if (rest.trim()) {
        // Models indent by two, whatever the sign before was.
        if (column + indent < Math.min(box.indent + 2, box.inner)) break;
        const width = Math.min(indent, Math.max(0, box.inner - column));
        rest = rest.slice(width);
        column += width;
      }
      kept += 1;
    }
    return [kept, rest, column];
  }

  /**
   * @param {string} text
   * @param {TextLeaf | null} leaf The paragraph that it may go on with.
   */
  #startsBlock(text, leaf) {
    if (HEADING.test(text) || RULE.test(text) || FENCE.test(text) || text.startsWith(">")) return true;
    const [, sign] = MARKER.exec(text) ?? [];
    if (!sign) return false;
    const isEmpty = text.trim() === sign;
    // "1492. That year" in the middle of a paragraph is no list.
    return !leaf || (!isEmpty && (this.#isNewItem(text) || !/\d/.test(sign) || Number.parseInt(sign, 10) === 1));
  }

  /** Whether it is the next one of an open list. @param {string} text */
  #isNewItem(text) {
    const kind = kindOf(MARKER.exec(text)?.[1] ?? "");
    return kind !== "" && this.#boxes.some((box) => box.sign === kind);
  }

  /** @param {number} kept Boxes that the line stands in. */
  #blank(kept) {
    // A quote ends where its sign is missing; an item waits for what comes.
    const quote = this.#boxes.findIndex((box, place) => place >= kept && box.kind === "quote");
    this.#closeLeaf();
    if (quote >= 0) this.#boxes.length = quote;
  }

  /**
   * @param {TextLeaf} leaf
   * @param {string} text
   * @param {boolean} isWhole
   */
  #continueText(leaf, text, isWhole) {
    const header = leaf.lines.at(-1) ?? "";
    const table = isWhole && isRule(text.trim()) ? readTable(header, text) : null;
    if (table) return this.#becomeTable(leaf, table);
    leaf.inline.add("\n");
    this.#writeLine(leaf, text);
  }

  /**
   * The line before was a table's head.
   *
   * @param {TextLeaf} leaf
   * @param {Table} table
   */
  #becomeTable(leaf, table) {
    leaf.element.replaceChildren();
    if (leaf.lines.length > 1) {
      fill(leaf.element, leaf.lines.slice(0, -1).join("\n"));
      leaf.element.after(table.element);
    } else leaf.element.replaceWith(table.element);
    this.#leaf = { kind: "table", table };
  }

  /**
   * @param {TextLeaf} leaf
   * @param {string} text The beginning of a line, or all of it.
   */
  #writeLine(leaf, text) {
    const place = leaf.lines.push(text) - 1;
    leaf.inline.add(text);
    this.#more = (piece) => {
      leaf.lines[place] += piece;
      leaf.inline.add(piece);
    };
  }

  /**
   * @param {CodeLeaf} leaf
   * @param {string} rest
   * @param {boolean} isWhole
   */
  #continueCode(leaf, rest, isWhole) {
    const text = rest.trim();
    const isEnd = text.startsWith(leaf.fence) && text === leaf.fence[0].repeat(text.length);
    if (isWhole && isEnd) return this.#closeLeaf();
    const indent = rest.length - rest.trimStart().length;
    leaf.block.beginLine(rest.slice(Math.min(indent, leaf.indent)));
    if (!isWhole) this.#more = (piece) => leaf.block.add(piece);
  }

  /**
   * @param {string} text
   * @param {number} column
   * @param {boolean} isWhole
   */
  #openBlocks(text, column, isWhole) {
    let rest = text;
    let at = column;
    while (this.#boxes.length < MAX_DEPTH && !RULE.test(rest)) {
      const skipped = rest.length - rest.trimStart().length;
      const inner = rest.trimStart();
      const [sign, name] = MARKER.exec(inner) ?? [];
      if (inner.startsWith(">")) {
        const width = inner[1] === " " ? 2 : 1;
        this.#openQuote();
        rest = inner.slice(width);
        at += skipped + width;
      } else if (sign && (isWhole || inner.length > sign.length)) {
        rest = this.#openItem(inner.slice(sign.length), name, at + skipped, at + skipped + sign.length);
        at += skipped + sign.length;
      } else break;
    }
    this.#openLeaf(rest.trimStart(), at, isWhole);
  }

  get #place() {
    return this.#boxes.at(-1)?.element ?? this.#root;
  }

  #openQuote() {
    const element = document.createElement("blockquote");
    this.#place.append(element);
    this.#boxes.push({ kind: "quote", element, sign: "", indent: 0, inner: 0 });
  }

  /**
   * @param {string} text Of the item.
   * @param {string} sign
   * @param {number} indent
   * @param {number} inner
   * @returns {string} Its text without the box of a task.
   */
  #openItem(text, sign, indent, inner) {
    const kind = kindOf(sign);
    const last = this.#place.lastElementChild;
    const isSame = last instanceof HTMLElement && last.dataset.sign === kind;
    const list = isSame ? last : document.createElement(/\d/.test(sign) ? "ol" : "ul");
    if (!isSame) {
      list.dataset.sign = kind;
      const number = Number.parseInt(sign, 10);
      if (number !== 1 && !Number.isNaN(number)) list.setAttribute("start", String(number));
      this.#place.append(list);
    }
    const element = document.createElement("li");
    list.append(element);
    this.#boxes.push({ kind: "item", element, sign: kind, indent, inner });
    const task = TASK.exec(text);
    if (!task) return text;
    element.className = "task";
    element.append(taskBox(task[1] !== " "));
    return text.slice(task[0].length);
  }

  /**
   * @param {string} text
   * @param {number} column
   * @param {boolean} isWhole
   */
  #openLeaf(text, column, isWhole) {
    if (!text) return;
    const fence = isWhole ? FENCE.exec(text) : null;
    const heading = HEADING.exec(text);
    if (fence) {
      const block = new CodeBlock(fence[2].trim().split(/\s/)[0] ?? "");
      this.#place.append(block.element);
      this.#leaf = { kind: "code", block, fence: fence[1], indent: Math.max(0, column - (this.#boxes.at(-1)?.inner ?? 0)) };
    } else if (isWhole && RULE.test(text)) this.#place.append(document.createElement("hr"));
    else if (heading) this.#openText(this.#headingOf(heading[1].length), text.slice(heading[0].length), false);
    else this.#openText("p", text, true);
  }

  /**
   * Models begin with any level and leave some out; who goes from heading to heading would look for those.
   *
   * @param {number} depth How many signs it has.
   */
  #headingOf(depth) {
    this.#level = Math.min(depth + 2, this.#level + 1, 6);
    return `h${this.#level}`;
  }

  /**
   * @param {string} tag
   * @param {string} text
   * @param {boolean} goesOn Whether more lines may follow.
   */
  #openText(tag, text, goesOn) {
    const element = document.createElement(tag);
    this.#place.append(element);
    /** @type {TextLeaf} */
    const leaf = { kind: "text", element, inline: new InlineText(element), lines: [] };
    this.#leaf = leaf;
    this.#writeLine(leaf, text);
    if (goesOn) return;
    // One line is all that a heading has.
    leaf.lines = [];
    this.#more = (piece) => leaf.inline.add(piece);
  }

  #closeLeaf() {
    if (this.#leaf?.kind === "text") {
      this.#leaf.inline.end();
      // Only now: while a text grows, the browser would look at all of it again for each piece.
      this.#leaf.element.dir = "auto";
    }
    this.#leaf = null;
  }
}

/** Whether a line of code has come far enough to be no end of it. @param {string} line */
function isCode(line) {
  return /[^\s`~>]/.test(line);
}

/** @param {string} sign */
function kindOf(sign) {
  return /\d/.test(sign) ? `1${sign.slice(-1)}` : sign;
}

/** @param {boolean} isDone */
function taskBox(isDone) {
  const box = make("input", "task-box");
  box.setAttribute("type", "checkbox");
  box.toggleAttribute("checked", isDone);
  box.setAttribute("disabled", "");
  name(box, "answer.task");
  return box;
}
