// @ts-check
/** Keeps the screen on while somebody talks hands-free: a phone that falls asleep takes the microphone away. */

let isWanted = false;
/** @type {WakeLockSentinel | null} */
let lock = null;

/** @param {boolean} isOn */
export function stayAwake(isOn) {
  isWanted = isOn;
  if (isOn) void hold();
  else void release();
}

async function hold() {
  if (lock && !lock.released) return;
  // Not every browser can, and one that saves its battery will not; the talk goes on all the same.
  const taken = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  lock = taken;
  if (!isWanted) await release();
}

async function release() {
  const held = lock;
  lock = null;
  await held?.release().catch(() => {});
}

// The system takes it back from a page that is not seen.
document.addEventListener("visibilitychange", () => {
  if (isWanted && !document.hidden) void hold();
});
