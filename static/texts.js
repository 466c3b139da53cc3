// @ts-check
/**
 * What the page says, in Spanish and English. `{name}` stands for a value.
 *
 * Both languages have the same keys. What the agent says comes from the server and is not here.
 */

import { en } from "./texts-en.js";
import { es } from "./texts-es.js";
import { voiceEn } from "./texts-voice-en.js";
import { voiceEs } from "./texts-voice-es.js";

/** @typedef {keyof typeof es | keyof typeof voiceEs} TextKey */

export const texts = { es: { ...es, ...voiceEs }, en: { ...en, ...voiceEn } };
