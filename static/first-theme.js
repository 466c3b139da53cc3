// @ts-check
/** Before anything is seen: the theme that was chosen. No module, since those come later; `theme-choice.js` does the rest. */

try {
  const folder = new URL(".", document.baseURI).pathname.replaceAll("/", ".");
  const chosen = localStorage.getItem(`voice-agent${folder}theme`);
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; then the system's theme it is.
}
