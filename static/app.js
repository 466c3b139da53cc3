// @ts-check
/** Puts the page together: the connection, the talk, and what shows them. */

import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { part } from "./dom.js";
import { firstLocale, speak } from "./language.js";
import { SessionPanel } from "./panel.js";
import { store, stored } from "./preferences.js";
import * as protocol from "./protocol-v1.js";
import { Follower } from "./scroll.js";
import { StatusLine } from "./status.js";
import { Talk } from "./talk.js";
import { suggestions } from "./texts.js";
import { TalkPage } from "./view.js";

/** @typedef {import("./connection.js").ConnectionStatus} ConnectionStatus */
/** @typedef {import("./language.js").Locale} Locale */

/** The server lets a few texts wait; the page keeps the rest until there is room. */
const MAX_UNANSWERED = 6;

const userForm = /** @type {HTMLFormElement} */ (part("user-form"));
const userField = /** @type {HTMLInputElement} */ (userForm.elements.namedItem("user"));

userField.value = stored("user") ?? `web-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
store("user", userField.value);

const url = new URL("/ws", location.href);
url.protocol = url.protocol.replace("http", "ws");

const page = new TalkPage((content) => {
  send(content);
  focusComposer();
});
const talk = new Talk(page, () => performance.now());
const connection = new Connection(url.href, protocol, userField.value, () => talk.unanswered < MAX_UNANSWERED);
const panel = new SessionPanel();
const statusLine = new StatusLine(() => {
  connection.connect();
  focusComposer();
});
const composer = new Composer(send);
const follower = new Follower(part("scroller"), part("column"), part("jump"));

/** @type {ConnectionStatus} */
let status = { status: "connecting" };
let texts = 0;
let sessions = 0;

/** @param {string} content */
function send(content) {
  texts += 1;
  const id = `text-${texts}`;
  page.clearAlert();
  // A lone half of a surrogate pair is no text that a JSON message may carry.
  const wellFormed = content.toWellFormed?.() ?? content;
  page.addText(id, wellFormed, connection.isReady ? "queued" : "waiting");
  part("welcome").hidden = true;
  connection.say(id, wellFormed);
  refresh();
  follower.toEnd();
}

/** For those with keys; on a phone it would only bring the keyboard over the talk. */
function focusComposer() {
  if (matchMedia("(pointer: fine)").matches) composer.focus();
}

function refresh() {
  statusLine.update(status, talk.activity);
  panel.refresh();
}

connection.addEventListener("status", (event) => {
  status = /** @type {CustomEvent<ConnectionStatus>} */ (event).detail;
  statusLine.tellConnection(status);
  if (status.status === "waiting" || status.status === "closed") {
    talk.cut();
    panel.showSession("");
  }
  refresh();
});

connection.addEventListener("event", (event) => {
  const { detail } = /** @type {CustomEvent<protocol.PageEvent>} */ (event);
  if (detail.kind === "session") beginSession(detail.sessionId);
  if (detail.kind === "accepted") page.agentLanguage = detail.locale;
  talk.receive(detail);
  refresh();
});

connection.addEventListener("sent", (event) => {
  talk.sent(/** @type {CustomEvent<string>} */ (event).detail);
});

/** @param {string} sessionId */
function beginSession(sessionId) {
  sessions += 1;
  // In v1 a session ends with its connection: what was said before is on the page only.
  if (sessions > 1 && !page.isEmpty) page.markNewSession();
  panel.showSession(sessionId);
}

/** @param {boolean} isCleared Whether the earlier talk goes from the page. */
function restart(isCleared) {
  talk.cut();
  if (isCleared) {
    connection.forget();
    page.clear();
    part("welcome").hidden = false;
  }
  panel.showSession("");
  connection.restart(userField.value);
}

part("new").addEventListener("click", () => {
  restart(true);
  focusComposer();
});

userForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const userId = userField.value.trim();
  if (!userId || userId === stored("user")) return;
  userField.value = userId;
  store("user", userId);
  restart(false);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (panel.isOver) panel.close();
  composer.focus();
});

// The network is back: no need to wait for the planned try.
addEventListener("online", () => connection.connect());

/** @param {Locale} chosen */
function chooseLanguage(chosen) {
  speak(chosen);
  for (const button of document.querySelectorAll("[data-locale]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-locale") === chosen));
  }
  part("suggestions").replaceChildren(...suggestions[chosen].map(suggestion));
  panel.retell();
}

/** @param {string} content */
function suggestion(content) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = content;
  button.addEventListener("click", () => {
    send(content);
    focusComposer();
  });
  const entry = document.createElement("li");
  entry.append(button);
  return entry;
}

for (const button of document.querySelectorAll("[data-locale]")) {
  button.addEventListener("click", () => {
    const chosen = /** @type {Locale} */ (button.getAttribute("data-locale"));
    store("locale", chosen);
    chooseLanguage(chosen);
  });
}

chooseLanguage(firstLocale(stored("locale"), navigator.languages));
if (matchMedia("(min-width: 68rem)").matches) panel.open();
focusComposer();
connection.connect();
