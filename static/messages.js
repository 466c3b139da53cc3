// @ts-check
/** What the talk is made of: messages, and the line below one that is shown in part. */

import { make } from "./dom.js";
import { ChatMessage } from "./elements.js";
import { show } from "./language.js";

export function newMessage() {
  return /** @type {ChatMessage} */ (document.createElement("chat-message"));
}

/** Only a part of what stands above is here. */
export function cutNotice() {
  const notice = make("p", "notice");
  show(notice, "answer.tooLong");
  return notice;
}
