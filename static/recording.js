// @ts-check
/** A recording that is dropped on the page, or chosen: the agent hears it as if it had been said. */

import { part } from "./dom.js";

/** In base64 it is a third longer, and a message has a limit. */
const MAX_BYTES = 7 * 1024 * 1024;
const NAMES = /\.(wav|webm|ogg|oga|opus|mp3|flac)$/i;

/**
 * @param {object} acts
 * @param {(base64: string) => void} acts.send
 * @param {(key: import("./texts.js").TextKey) => void} acts.refuse
 * @returns {{choose: () => void}}
 */
export function offerRecordings({ send, refuse }) {
  const place = part("drop");
  const field = /** @type {HTMLInputElement} */ (part("recording"));
  /** @param {File | undefined} file */
  const take = async (file) => {
    if (!file) return;
    if (!file.type.startsWith("audio/") && !file.type.startsWith("video/webm") && !NAMES.test(file.name)) {
      return refuse("recording.kind");
    }
    if (file.size > MAX_BYTES) return refuse("recording.large");
    send(await inBase64(file));
  };
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    place.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) place.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    place.hidden = true;
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    void take(event.dataTransfer.files[0]);
  });
  field.addEventListener("change", () => {
    void take(field.files?.[0]);
    field.value = "";
  });
  return { choose: () => field.click() };
}

/** @param {Blob} file */
async function inBase64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  // So many at a time as a call takes arguments.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
