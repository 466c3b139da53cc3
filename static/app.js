// @ts-check
/** Puts the page together: the client, the talk, and what shows them. */

import { askQuietly, socketAddress, useToken } from "./api.js";
import { Composer } from "./composer.js";
import { part } from "./dom.js";
import { locale } from "./language.js";
import { offerLanguages } from "./language-switch.js";
import { dress } from "./look.js";
import { retellMoments } from "./moments.js";
import { offerRecordings } from "./recording.js";
import { SessionPanel } from "./panel.js";
import { sessionMemory, storedToken, TALK_KEY } from "./preferences.js";
import { ProfilePanel } from "./profile.js";
import { Follower } from "./scroll.js";
import { closeOver } from "./side.js";
import { StatusLine } from "./status.js";
import { offerShortcuts } from "./shortcuts.js";
import { showSuggestions } from "./suggestions.js";
import { Talk } from "./talk.js";
import { TalkLink } from "./talk-link.js";
import { TalksPanel } from "./talks.js";
import { offerThemes } from "./theme-choice.js";
import { TokenDialog } from "./token.js";
import { UserChoice } from "./user.js";
import { countUnseen } from "./unseen-answers.js";
import { TalkPage } from "./view.js";
import { UNAUTHORIZED, VoiceAgentClient } from "./voice-agent-client.js";
import { Voice } from "./voice.js";

const stop = part("stop");
const user = new UserChoice(begin);

useToken(storedToken());
await dress();

const client = new VoiceAgentClient(socketAddress(), {
  userId: user.id,
  locale: locale(),
  token: storedToken() || undefined,
  storage: sessionMemory(),
  storageKey: TALK_KEY,
  replayOnLoad: true,
});
countUnseen(client, document.title);
const page = new TalkPage(sendByHand, client, revise);
const talk = new Talk(page, client);
const token = new TokenDialog(client);
const panel = new SessionPanel();
new Voice(client, (turn, times) => page.showTimes(turn, times));
const profile = new ProfilePanel();
const talks = new TalksPanel({ open: goOn, leave: begin });
const statusLine = new StatusLine(() => {
  const { connection } = client;
  if (connection.status === "closed" && connection.code === UNAUTHORIZED) return token.open();
  client.connect();
  focusComposer();
});
const composer = new Composer(send);
const link = new TalkLink(goOn);
const follower = new Follower(part("scroller"), part("column"), part("jump"), () => !page.isEmpty);

/** @param {string} content */
function send(content) {
  page.clearAlert();
  const { id } = client.say(content);
  talk.add({ id, content, at: Date.now() });
  refresh();
  follower.toEnd();
}

/** @param {string} content What a button offered. */
function sendByHand(content) {
  send(content);
  focusComposer();
}

/** @type {import("./revising.js").Revise} */
function revise(turn, content) {
  page.clearAlert();
  const { accepted } = content === undefined ? client.revise(turn) : client.revise(turn, content);
  void accepted.then(focusComposer, () => {});
  follower.toEnd();
  return accepted;
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

/** What belongs to a session, when there is one. @param {string} sessionId */
async function follow(sessionId) {
  panel.showSession(sessionId);
  // A token decides who its user is.
  const [health, session] = await Promise.all([
    askQuietly("/agent/health"),
    token.hasToken ? askQuietly(`/sessions/${sessionId}`) : { user_id: user.id },
  ]);
  if (sessionId !== client.sessionId) return;
  panel.showServer(health ?? {});
  showUser(session?.user_id ?? "", sessionId, health?.storage?.status !== "off");
  showLink();
}

/** A talk that can be come back to, once something was said in it, has an address. */
function showLink() {
  if (talks.hasList && !page.isEmpty) link.show(client.sessionId ?? "");
}

/**
 * @param {string} userId Empty: nobody knows.
 * @param {string} sessionId
 * @param {boolean} isKept Whether the server keeps talks.
 */
function showUser(userId, sessionId, isKept) {
  user.show(userId, token.hasToken);
  talks.follow(userId, sessionId, isKept);
  profile.follow(userId, isKept);
}

client.addEventListener("connection", ({ detail }) => {
  statusLine.tellConnection(detail);
  if (detail.status === "waiting" || detail.status === "closed") panel.showSession("");
  // The talk that was asked for does not go on; the alert says so, and a new one can.
  if (detail.status === "closed" && detail.reason === "resume_refused") {
    link.show("");
    client.connect();
  }
  refresh();
});

client.addEventListener("renewed", ({ detail }) => {
  if (!page.isEmpty && detail.reason !== "asked") page.markNewSession();
});

client.addEventListener("open", ({ detail }) => {
  composer.belongTo(detail.sessionId);
  void follow(detail.sessionId);
});
client.addEventListener("history", () => {
  follower.toEnd();
  showLink();
});
client.addEventListener("accepted", () => {
  talks.refresh();
  if (client.isCurrent) showLink();
});
client.addEventListener("complete", () => {
  talks.refresh();
  profile.refresh();
});

for (const type of /** @type {const} */ ([
  "open", "current", "history", "transcript", "accepted", "state", "turn", "chunk", "complete", "tool", "error",
])) {
  client.addEventListener(type, refresh);
}

/** A new talk on an empty page. What was begun stays in the list, and its tools go on. */
function begin() {
  client.renew({ userId: user.id, forget: true, leave: !page.isEmpty && talks.hasList });
  link.show("");
  showNothing();
}

/** @param {string} sessionId Of an earlier talk. */
function goOn(sessionId) {
  composer.leave();
  link.show(sessionId);
  client.continueTalk(sessionId);
  showNothing();
  focusComposer();
}

function showNothing() {
  talk.clear();
  panel.showSession("");
  refresh();
}

for (const button of [part("new"), part("talks-new")]) {
  button.addEventListener("click", () => {
    begin();
    if (talks.isOver) talks.close();
    focusComposer();
  });
}

part("talks-choose").addEventListener("click", () => {
  profile.open();
  user.edit();
});

part("token-forget").addEventListener("click", () => {
  token.forget();
  showUser("", "", true);
  client.renew({ token: "", forget: true });
  showNothing();
});

stop.addEventListener("click", () => client.interrupt());

document.addEventListener("keydown", (event) => {
  // Escape also leaves the composition of a character; that is no wish to stop anything.
  if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]")) return;
  if (!closeOver() && client.turnId !== null) client.interrupt();
  composer.focus();
});

// The network is back: no need to wait for the planned try.
addEventListener("online", () => {
  if (client.connection.status === "waiting") client.connect();
});

const recordings = offerRecordings({
  send: (content) => {
    page.clearAlert();
    if (client.sendRecording(content)) page.hint("recording.sent");
    else page.refuse("recording.offline");
  },
  refuse: (key) => page.refuse(key),
});

offerThemes();
offerShortcuts({
  KeyM: () => part("mic").click(),
  KeyL: () => part("aloud").click(),
  KeyS: () => part("mute").click(),
  KeyN: () => part("talks-new").click(),
  KeyT: () => part("talks-toggle").click(),
  KeyO: () => recordings.choose(),
});

offerLanguages((chosen, isAsked) => {
  if (isAsked) client.updateSession({ locale: chosen });
  showSuggestions(sendByHand);
  retellMoments();
  panel.retell();
  talks.retell();
});

const hasRoom = matchMedia("(min-width: 56rem)");
if (hasRoom.matches) talks.open();
// Who turns a phone, or magnifies the page, does not want the list over the talk.
hasRoom.addEventListener("change", ({ matches }) => (matches ? talks.open() : talks.close()));
if (matchMedia("(min-width: 88rem)").matches) panel.open();
focusComposer();
composer.belongTo(client.sessionId ?? "");
if (link.asked && link.asked !== client.sessionId) client.continueTalk(link.asked);
else client.connect();
