// @ts-check
/** What the page says in English of voice and permission. The keys are those of the Spanish texts. */

/** @type {Record<keyof typeof import("./texts-voice-es.js").voiceEs, string>} */
export const voiceEn = {
  "state.listening": "Listening…",
  "text.hearing": "Listening…",
  "heard.announced": "You said: {text}",

  "mic.on": "Talk",
  "mic.off": "Stop talking",
  "mic.device": "Microphone",
  "mic.nameless": "Microphone {number}",
  "mic.denied": "The browser does not let the microphone be used. Allow it in order to talk; meanwhile you can write.",
  "mic.none": "No microphone was found. You can write.",
  "mic.busy": "Another program is using the microphone. You can write.",
  "mic.insecure": "Browsers give the microphone only to pages with HTTPS or on this machine. You can write.",
  "mic.failed": "The microphone could not be opened. You can write.",
  "mic.lost": "The microphone was disconnected. You can write.",

  "talk.mode": "How you talk",
  "talk.auto": "Hands-free",
  "talk.manual": "Push to talk",
  "talk.hold": "Hold to talk",
  "talk.short": "Hold the button (or the space bar) while you talk.",
  "talk.speaker": "Spoken answers",

  "who.ready": "Listening for you",
  "who.hold": "Press to talk",
  "who.user": "You are talking",
  "who.thinking": "Thinking…",
  "who.agent": "The agent is talking",
  "who.loading": "Voice is coming back",
  "who.paused": "The system has stopped the sound; it comes back",
  "who.muted": "The system has muted the microphone",
  "who.gone": "Getting the microphone back…",

  "need.off": "This server has no voice.",
  "need.loading": "Speech is getting ready: {percent}%. Meanwhile you can write.",
  "need.not_installed": "Speech is not installed on the server ({detail}). You can write.",
  "need.failed": "The server's speech does not work ({detail}). You can write.",

  "mood.frustrated": "frustrated",
  "mood.hurried": "in a hurry",
  "mood.pleased": "pleased",

  "stage.understood": "Understanding",
  "stage.queued": "Waiting",
  "stage.model": "Model",
  "stage.voice": "Voice",
  "stage.sound": "To the speaker",
  "times.sound": "First sound: {seconds} s",
  "times.word": "First word: {seconds} s",
  "times.total": "In all: {seconds} s",

  "approval.label": "Permission for {name}",
  "approval.question": "May the agent do this?",
  "approval.earlier": "Careful: the very same was tried before and may have taken effect. It could happen twice.",
  "approval.yes": "Allow",
  "approval.no": "Do not allow",
  "approval.left": "{seconds} s",
  "approval.announced": "The agent asks for permission to use {name}",
};
