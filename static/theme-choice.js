// @ts-check
/** How bright the page is: as the system says, light, or dark. */

import { part } from "./dom.js";
import { store, stored } from "./preferences.js";

/** What browsers paint around the page; `first-theme.js` sets the theme itself before anything is seen. */
const AROUND = { light: "#ffffff", dark: "#171a21" };

export function offerThemes() {
  const buttons = [...part("themes").querySelectorAll("button")];
  /** @param {string} theme */
  const choose = (theme) => {
    const { dataset } = document.documentElement;
    if (theme === "light" || theme === "dark") dataset.theme = theme;
    else delete dataset.theme;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.theme === theme));
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
      const own = meta.getAttribute("media")?.includes("dark") ? "dark" : "light";
      meta.setAttribute("content", AROUND[theme === "light" || theme === "dark" ? theme : own]);
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const theme = button.dataset.theme ?? "auto";
      store("theme", theme === "auto" ? "" : theme);
      choose(theme);
    });
  }
  choose(stored("theme") ?? "auto");
}
