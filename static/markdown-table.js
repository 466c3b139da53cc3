// @ts-check
/** A table of an answer: a head, a line of dashes that says how its columns stand, and rows. */

import { make } from "./dom.js";
import { name } from "./language.js";
import { fill } from "./markdown-inline.js";

const MAX_COLUMNS = 40;
const RULE = /^\|?[ ]*:?-+:?[ ]*(?:\|[ ]*:?-+:?[ ]*)*\|?[ ]*$/;

/** Whether a line may stand below a table's head. @param {string} line */
export function isRule(line) {
  return line.includes("-") && line.includes("|") && RULE.test(line);
}

/**
 * @param {string} head
 * @param {string} rule
 * @returns {Table | null} null: the two do not belong together.
 */
export function readTable(head, rule) {
  const titles = cellsOf(head);
  const sides = cellsOf(rule);
  const isTable = head.includes("|") && titles.length === sides.length && titles.length <= MAX_COLUMNS;
  return isTable ? new Table(titles, sides.map(sideOf)) : null;
}

/** @param {string} line */
export function cellsOf(line) {
  const inner = line.trim().replace(/^\|/, "");
  /** @type {string[]} */
  const cells = [];
  let cell = "";
  for (let at = 0; at < inner.length; at += 1) {
    if (inner[at] === "\\" && inner[at + 1] === "|") cell += inner[(at += 1)];
    else if (inner[at] === "|") {
      cells.push(cell.trim());
      cell = "";
    } else cell += inner[at];
  }
  if (cell.trim() || !inner.endsWith("|")) cells.push(cell.trim());
  return cells;
}

export class Table {
  element;
  #body = document.createElement("tbody");
  #sides;

  /**
   * @param {string[]} titles
   * @param {string[]} sides How each column stands.
   */
  constructor(titles, sides) {
    this.#sides = sides;
    const head = document.createElement("thead");
    head.append(this.#row("th", titles));
    const table = document.createElement("table");
    table.append(head, this.#body);
    // A wide one scrolls by itself, with keys too.
    this.element = make("div", "table-frame", table);
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "group");
    name(this.element, "answer.table");
  }

  /** @param {string[]} cells */
  add(cells) {
    this.#body.append(this.#row("td", cells));
  }

  /**
   * @param {string} tag
   * @param {string[]} cells
   */
  #row(tag, cells) {
    const row = document.createElement("tr");
    this.#sides.forEach((side, column) => {
      const cell = document.createElement(tag);
      cell.dir = "auto";
      if (tag === "th") cell.setAttribute("scope", "col");
      if (side) cell.dataset.side = side;
      fill(cell, cells[column] ?? "");
      row.append(cell);
    });
    return row;
  }
}

/** @param {string} dashes */
function sideOf(dashes) {
  const isEnd = dashes.endsWith(":");
  if (dashes.startsWith(":")) return isEnd ? "center" : "";
  return isEnd ? "end" : "";
}
