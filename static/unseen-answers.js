// @ts-check
/** What came while the page was not seen: the tab's title counts it until somebody looks. */

/** @typedef {import("./voice-agent-client.js").VoiceAgentClient} VoiceAgentClient */

/**
 * @param {VoiceAgentClient} client
 * @param {string} title The tab's own.
 */
export function countUnseen(client, title) {
  let count = 0;
  const add = () => {
    if (!document.hidden) return;
    count += 1;
    document.title = `(${count}) ${title}`;
  };
  client.addEventListener("complete", ({ detail }) => {
    // What was said before a drop is told again, and was seen.
    if (detail.text && client.isCurrent) add();
  });
  client.addEventListener("approval_requested", add);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    count = 0;
    document.title = title;
  });
}
