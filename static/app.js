// @ts-check
/** Puts the page together: the client, the talk, and what shows them. */

import { Composer } from "./composer.js";
import { part } from "./dom.js";
import { firstLocale, locale, speak } from "./language.js";
import { SessionPanel } from "./panel.js";
import { sessionMemory, store, stored } from "./preferences.js";
import { Follower } from "./scroll.js";
import { StatusLine } from "./status.js";
import { suggestions } from "./suggestions.js";
import { Talk } from "./talk.js";
import { TalkPage } from "./view.js";
import { VoiceAgentClient } from "./voice-agent-client.js";

/** @typedef {import("./language.js").Locale} Locale */

const userForm = /** @type {HTMLFormElement} */ (part("user-form"));
const userField = /** @type {HTMLInputElement} */ (userForm.elements.namedItem("user"));
const stop = part("stop");

userField.value = stored("user") ?? `web-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
store("user", userField.value);
speak(firstLocale(stored("locale"), navigator.languages));

const url = new URL("/ws", location.href);
url.protocol = url.protocol.replace("http", "ws");

const client = new VoiceAgentClient(url.href, {
  userId: userField.value,
  locale: locale(),
  storage: sessionMemory(),
  replayOnLoad: true,
});
const page = new TalkPage(
  (content) => {
    send(content);
    focusComposer();
  },
  (call) => client.cancelTool(call),
);
const talk = new Talk(page, client);
const panel = new SessionPanel();
const statusLine = new StatusLine(() => {
  client.connect();
  focusComposer();
});
const composer = new Composer(send);
const follower = new Follower(part("scroller"), part("column"), part("jump"));

/** @param {string} content */
function send(content) {
  page.clearAlert();
  const { id } = client.say(content);
  talk.add({ id, content, at: Date.now() });
  refresh();
  follower.toEnd();
}

/** For those with keys; on a phone it would only bring the keyboard over the talk. */
function focusComposer() {
  if (matchMedia("(pointer: fine)").matches) composer.focus();
}

function refresh() {
  const hadFocus = document.activeElement === stop;
  statusLine.update(client);
  page.agentLanguage = locale();
  stop.hidden = client.turnId === null;
  if (hadFocus && stop.hidden) composer.focus();
  part("welcome").hidden = !page.isEmpty;
  panel.refresh();
}

client.addEventListener("connection", ({ detail }) => {
  statusLine.tellConnection(detail);
  if (detail.status === "waiting" || detail.status === "closed") panel.showSession("");
  refresh();
});

client.addEventListener("renewed", ({ detail }) => {
  if (!page.isEmpty && detail.reason !== "asked") page.markNewSession();
});

client.addEventListener("open", ({ detail }) => panel.showSession(detail.sessionId));

for (const type of /** @type {const} */ ([
  "open", "current", "history", "accepted", "state", "turn", "chunk", "complete", "tool", "error",
])) {
  client.addEventListener(type, refresh);
}

/** @param {boolean} isCleared Whether the earlier talk goes from the page. */
function restart(isCleared) {
  client.renew({ userId: userField.value, forget: isCleared });
  if (isCleared) talk.clear();
  else if (!page.isEmpty) page.markNewSession();
  panel.showSession("");
  refresh();
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

stop.addEventListener("click", () => client.interrupt());

document.addEventListener("keydown", (event) => {
  // Escape also leaves the composition of a character; that is no wish to stop anything.
  if (event.key !== "Escape" || event.isComposing) return;
  if (panel.isOver) panel.close();
  else if (client.turnId !== null) client.interrupt();
  composer.focus();
});

// The network is back: no need to wait for the planned try.
addEventListener("online", () => {
  if (client.connection.status === "waiting") client.connect();
});

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
    client.update({ locale: chosen });
    chooseLanguage(chosen);
  });
}

chooseLanguage(locale());
if (matchMedia("(min-width: 68rem)").matches) panel.open();
focusComposer();
client.connect();
