// @ts-check
/** Questions that an empty talk offers; each shows another tool. */
export const suggestions = {
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
