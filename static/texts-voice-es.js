// @ts-check
/** What the page says in Spanish of voice and permission. `{name}` stands for a value. */

export const voiceEs = {
  "state.listening": "Escuchando…",
  "text.hearing": "Escuchando…",
  "heard.announced": "Has dicho: {text}",

  "mic.on": "Hablar",
  "mic.off": "Dejar de hablar",
  "mic.device": "Micrófono",
  "mic.nameless": "Micrófono {number}",
  "mic.denied": "El navegador no deja usar el micrófono. Dale permiso para hablar; mientras, puedes escribir.",
  "mic.none": "No se ha encontrado ningún micrófono. Puedes escribir.",
  "mic.busy": "El micrófono está ocupado por otro programa. Puedes escribir.",
  "mic.insecure": "El navegador solo da el micrófono a páginas con HTTPS o del propio equipo. Puedes escribir.",
  "mic.failed": "No se ha podido abrir el micrófono. Puedes escribir.",
  "mic.lost": "El micrófono se ha desconectado. Puedes escribir.",

  "talk.mode": "Cómo hablas",
  "talk.auto": "Manos libres",
  "talk.manual": "Pulsar para hablar",
  "talk.hold": "Mantén pulsado para hablar",
  "talk.short": "Mantén pulsado el botón (o la barra espaciadora) mientras hablas.",
  "talk.speaker": "Respuestas habladas",

  "who.ready": "Te escucho",
  "who.hold": "Pulsa para hablar",
  "who.user": "Hablas tú",
  "who.thinking": "Pensando…",
  "who.agent": "Habla el agente",
  "who.loading": "La voz vuelve enseguida",
  "who.paused": "El sistema ha parado el sonido; vuelve solo",
  "who.muted": "El sistema ha silenciado el micrófono",
  "who.gone": "Recuperando el micrófono…",

  "need.off": "Este servidor no tiene voz.",
  "need.loading": "La voz se está preparando: {percent} %. Mientras, puedes escribir.",
  "need.not_installed": "La voz no está instalada en el servidor ({detail}). Puedes escribir.",
  "need.failed": "La voz del servidor no funciona ({detail}). Puedes escribir.",

  "mood.frustrated": "con frustración",
  "mood.hurried": "con prisa",
  "mood.pleased": "con agrado",

  "stage.understood": "Entender",
  "stage.queued": "Espera",
  "stage.model": "Modelo",
  "stage.voice": "Voz",
  "stage.sound": "Hasta el altavoz",
  "times.sound": "Primer sonido: {seconds} s",
  "times.word": "Primera palabra: {seconds} s",
  "times.total": "En total: {seconds} s",

  "approval.label": "Permiso para {name}",
  "approval.question": "¿Permites que el agente haga esto?",
  "approval.earlier": "Atención: esto mismo ya se intentó y no se sabe si surtió efecto. Podría ocurrir dos veces.",
  "approval.yes": "Permitir",
  "approval.no": "No permitir",
  "approval.left": "{seconds} s",
  "approval.announced": "El agente pide permiso para usar {name}",
};
