// @ts-check
/** Questions that an empty talk offers: the operator's, or these, of which each shows another tool. */

import { make, part } from "./dom.js";
import { locale } from "./language.js";
import { ownSuggestions } from "./look.js";

const SUGGESTIONS = {
  es: [
    "Hola, ¿puedes calcular 2+2?",
    "¿Qué hora es en Tokio?",
    "¿Qué tiempo hace en Madrid?",
    "Prueba una llamada lenta de 10 segundos",
  ],
  en: [
    "Hello, can you calculate 2+2?",
    "What time is it in Tokyo?",
    "What is the weather in Madrid?",
    "Try a slow call of 10 seconds",
  ],
};

/** @param {(content: string) => void} choose Gets the one that is clicked. */
export function showSuggestions(choose) {
  const own = ownSuggestions(locale());
  const entries = (own.length ? own : SUGGESTIONS[locale()]).map((content) => {
    const button = make("button", "", content);
    button.setAttribute("type", "button");
    button.addEventListener("click", () => choose(content));
    return make("li", "", button);
  });
  part("suggestions").replaceChildren(...entries);
}
