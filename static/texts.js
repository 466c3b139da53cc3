// @ts-check
/**
 * What the page says, in Spanish and English. `{name}` stands for a value.
 *
 * Both languages have the same keys. What the agent says comes from the server and is not here.
 */

const es = {
  "state.connecting": "Conectando…",
  "state.idle": "En línea",
  "state.thinking": "Pensando…",
  "state.speaking": "Respondiendo…",
  "state.tool": "Usando {name}…",
  "state.tools": "Usando {count} herramientas…",
  "state.disconnected": "Desconectado",

  "server.idle": "En espera",
  "server.listening": "Escuchando",
  "server.thinking": "Pensando",
  "server.speaking": "Respondiendo",
  "server.processing_tool": "Usando herramientas",

  "text.waiting": "Se enviará al conectar",
  "text.queued": "En espera",
  "text.sent": "Enviando…",
  "text.accepted": "Recibido",
  "text.answered": "Respondido",
  "text.failed": "Sin respuesta",
  "text.lost": "Sin respuesta: se cortó la conexión",
  "text.again": "Enviar de nuevo",

  "tool.running": "en marcha",
  "tool.done": "terminada",
  "tool.failed": "ha fallado",
  "tool.timed_out": "ha superado su tiempo",
  "tool.cancelled": "cancelada",
  "tool.interrupted": "interrumpida",
  "tool.lost": "cortada con la conexión",
  "tool.label": "Herramienta {name}",
  "tool.ended": "Herramienta {name}: {ending}",

  "answer.agent": "Agente",
  "answer.you": "Tú",
  "answer.background": "Agente · resultado en segundo plano",
  "answer.cut": "Respuesta incompleta",
  "answer.announced": "Agente: {text}",

  "session.new": "Sesión nueva: el agente no recuerda lo anterior",

  "connection.retry": "Sin conexión. Nuevo intento en {seconds} s.",
  "connection.trying": "Sin conexión. Conectando…",
  "connection.closed": "El servidor ha cerrado la conexión (código {code}).",
  retryNow: "Conectar ahora",

  "welcome.title": "¿En qué te ayudo?",
  "welcome.text": "Escribe lo que quieras. Mientras una herramienta trabaja, puedes seguir conversando.",
  demo: "Modo de demostración, sin modelo de lenguaje",

  skip: "Ir al mensaje",
  conversation: "Conversación",
  messages: "Mensajes",
  message: "Tu mensaje",
  placeholder: "Escribe un mensaje…",
  keys: "Intro envía · Mayús + Intro, línea nueva · Esc vuelve aquí",
  send: "Enviar",
  jump: "Ir a lo último",
  dismiss: "Cerrar el aviso",
  language: "Idioma",
  newTalk: "Nueva conversación",
  panel: "Datos de la sesión",
  close: "Cerrar",
  copy: "Copiar el identificador",
  copied: "Copiado",
  userId: "Usuario",
  userNote: "Cambiarlo empieza una sesión nueva.",
  apply: "Aplicar",
  sessionId: "Sesión",
  serverState: "Estado en el servidor",
  model: "Modelo",
  createdAt: "Creada",
  lastActivity: "Última actividad",
  messageCount: "Mensajes",
  pendingTools: "Herramientas en marcha",
  none: "Ninguna",
};

/** @type {Record<keyof typeof es, string>} */
const en = {
  "state.connecting": "Connecting…",
  "state.idle": "Online",
  "state.thinking": "Thinking…",
  "state.speaking": "Answering…",
  "state.tool": "Using {name}…",
  "state.tools": "Using {count} tools…",
  "state.disconnected": "Disconnected",

  "server.idle": "Waiting",
  "server.listening": "Listening",
  "server.thinking": "Thinking",
  "server.speaking": "Answering",
  "server.processing_tool": "Using tools",

  "text.waiting": "Will be sent when connected",
  "text.queued": "Waiting",
  "text.sent": "Sending…",
  "text.accepted": "Received",
  "text.answered": "Answered",
  "text.failed": "Not answered",
  "text.lost": "Not answered: the connection broke",
  "text.again": "Send again",

  "tool.running": "running",
  "tool.done": "done",
  "tool.failed": "failed",
  "tool.timed_out": "timed out",
  "tool.cancelled": "cancelled",
  "tool.interrupted": "interrupted",
  "tool.lost": "cut off with the connection",
  "tool.label": "Tool {name}",
  "tool.ended": "Tool {name}: {ending}",

  "answer.agent": "Agent",
  "answer.you": "You",
  "answer.background": "Agent · background result",
  "answer.cut": "Incomplete answer",
  "answer.announced": "Agent: {text}",

  "session.new": "New session: the agent does not remember what is above",

  "connection.retry": "Not connected. Next try in {seconds} s.",
  "connection.trying": "Not connected. Connecting…",
  "connection.closed": "The server closed the connection (code {code}).",
  retryNow: "Connect now",

  "welcome.title": "How can I help?",
  "welcome.text": "Write whatever you like. While a tool is working, you can go on talking.",
  demo: "Demo mode, without a language model",

  skip: "Go to the message box",
  conversation: "Conversation",
  messages: "Messages",
  message: "Your message",
  placeholder: "Write a message…",
  keys: "Enter sends · Shift + Enter, new line · Esc comes back here",
  send: "Send",
  jump: "Jump to latest",
  dismiss: "Close the notice",
  language: "Language",
  newTalk: "New conversation",
  panel: "Session details",
  close: "Close",
  copy: "Copy the identifier",
  copied: "Copied",
  userId: "User",
  userNote: "Changing it starts a new session.",
  apply: "Apply",
  sessionId: "Session",
  serverState: "State on the server",
  model: "Model",
  createdAt: "Created",
  lastActivity: "Last activity",
  messageCount: "Messages",
  pendingTools: "Running tools",
  none: "None",
};

/** @typedef {keyof typeof es} TextKey */

export const texts = { es, en };

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
