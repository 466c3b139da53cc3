"""What the console client says to its user, in Spanish and English."""

from typing import Final, Literal

Locale = Literal["es", "en"]

MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "connected": ("Conectado.", "Connected."),
    "help": (
        "Escribe y pulsa Intro. Ctrl+C interrumpe al agente; /quit termina; /help muestra más.",
        "Type and press Enter. Ctrl+C interrupts the agent; /quit ends; /help shows more.",
    ),
    "commands": (
        "/quit: termina · /interrupt: interrumpe · /cancel ID: cancela una herramienta · "
        "/approve ID, /deny ID: responde a una herramienta que pide permiso · //texto: envía «/texto»",
        "/quit: ends · /interrupt: interrupts · /cancel ID: cancels a tool · "
        "/approve ID, /deny ID: answers a tool that asks for leave · //text: sends “/text”",
    ),
    "unknown_command": (
        "No conozco {command}; /help los muestra.",
        "I do not know {command}; /help shows them.",
    ),
    "several_ids": (
        "{command} puede ser varias; escribe algo más de una: {ids}.",
        "{command} may mean several; type more of one: {ids}.",
    ),
    "needs_id": ("A {command} le falta el identificador.", "{command} needs an id."),
    "goodbye": ("Hasta luego.", "Goodbye."),
    "dropped": (
        "Se ha perdido la conexión; vuelvo a intentarlo en {seconds:.1f} s.",
        "The connection is lost; trying again in {seconds:.1f} s.",
    ),
    "returned": ("De nuevo conectado; la conversación sigue.", "Connected again; the talk goes on."),
    "renewed": (
        "De nuevo conectado, con una conversación nueva: la anterior ya no existe.",
        "Connected again, with a new talk: the earlier one is gone.",
    ),
    "gap": ("Parte de lo dicho se ha perdido por el camino.", "Some of what was said was lost on the way."),
    "truncated": (
        "Solo se muestra una parte: el texto es demasiado largo.",
        "Only a part is shown: the text is too long.",
    ),
    "going_away": ("El servidor se reinicia.", "The server is restarting."),
    "unreachable": ("No puedo conectar con {url}: {reason}.", "I cannot connect to {url}: {reason}."),
    "gave_up": (
        "El servidor no responde desde hace {seconds:.0f} s; lo dejo.",
        "The server has not answered for {seconds:.0f} s; I give up.",
    ),
    "refused": (
        "El servidor ha cerrado la conexión ({code}): {reason}",
        "The server closed ({code}): {reason}",
    ),
    "close_1000": ("la conversación ha terminado.", "the talk has ended."),
    "close_1008": ("demasiados mensajes.", "too many messages."),
    "close_4401": ("falta el token o no es válido (--token).", "the token is missing or not good (--token)."),
    "close_4408": ("no se dijo nada a tiempo.", "nothing was said in time."),
    "close_4409": ("otra conexión ha tomado la conversación.", "another connection has taken the talk."),
    "close_4410": ("la conversación se ha terminado o borrado.", "the talk was ended or erased."),
    "close_other": ("sin motivo conocido.", "for no known reason."),
    "http_status": ("responde con HTTP {status}", "it answers with HTTP {status}"),
    "no_v2": ("no habla el protocolo voice-agent.v2", "it does not speak the protocol voice-agent.v2"),
    "state_listening": ("escuchando", "listening"),
    "state_thinking": ("pensando", "thinking"),
    "state_processing_tool": ("usando herramientas", "using tools"),
    "tool_started": ("{name} [{call_id}]: en marcha", "{name} [{call_id}]: started"),
    "tool_progress": ("{name}: sigue en marcha ({seconds:.0f} s)", "{name}: still running ({seconds:.0f} s)"),
    "tool_done": ("{name}: terminada ({seconds:.1f} s)", "{name}: done ({seconds:.1f} s)"),
    "tool_failed": ("{name}: ha fallado ({seconds:.1f} s)", "{name}: failed ({seconds:.1f} s)"),
    "tool_timed_out": ("{name}: ha superado su tiempo", "{name}: timed out"),
    "tool_cancelled": ("{name}: cancelada", "{name}: cancelled"),
    "tool_interrupted": ("{name}: interrumpida", "{name}: interrupted"),
    "outcome_unknown": (
        "{name}: no se sabe si surtió efecto",
        "{name}: whether it took effect is not known",
    ),
    "approval_earlier": (
        "Atención: {name} ya se intentó con lo mismo y pudo surtir efecto; podría ocurrir dos veces.",
        "Careful: {name} was tried with the same before and may have taken effect; it could happen twice.",
    ),
    "approval": (
        "{name} [{call_id}] pide permiso: {arguments}. /approve {call_id} o /deny {call_id}",
        "{name} [{call_id}] asks for leave: {arguments}. /approve {call_id} or /deny {call_id}",
    ),
    "interrupted": ("[interrumpido]", "[interrupted]"),
    "length": ("[cortado: longitud máxima]", "[cut: maximum length]"),
    "content_filter": ("[cortado: filtro de contenido]", "[cut: content filter]"),
    "error": ("Error: {content}", "Error: {content}"),
    "you": ("Tú: {text}", "You: {text}"),
    "agent": ("Agente: {text}", "Agent: {text}"),
    "no_voice": (
        "Este servidor no tiene voz ahora mismo; con texto sí funciona.",
        "This server has no voice at the moment; text works.",
    ),
    "no_answer_voice": (
        "Este servidor no puede hablar ahora mismo; sin --out la respuesta llega por escrito.",
        "This server cannot speak at the moment; without --out the answer comes in writing.",
    ),
    "nothing_heard": ("No se ha oído ninguna palabra.", "No words were heard."),
    "timed_out": ("No ha terminado en {seconds:.0f} s.", "It did not end within {seconds:.0f} s."),
    "refused_on_wire": (
        "el servidor no ha podido leer el mensaje",
        "the server could not read the message",
    ),
    "turn_failed": (
        "una respuesta falló mientras no había conexión",
        "an answer failed while there was no connection",
    ),
    "ending_lost": (
        "una respuesta se perdió por el camino",
        "an answer was lost on the way",
    ),
    "lost_answer": (
        "De las respuestas pendientes no se sabe qué fue.",
        "What became of the answers that were due is not known.",
    ),
    "lost_sound": (
        "La conexión se perdió mientras se enviaba el audio; vuelve a intentarlo.",
        "The connection was lost while the sound was being sent; try again.",
    ),
    "written": (
        "Audio de la respuesta: {path} ({seconds:.1f} s)",
        "The answer's sound: {path} ({seconds:.1f} s)",
    ),
    "bad_wav": ("No puedo usar {path}: {problem}.", "I cannot use {path}: {problem}."),
    "cannot_write": ("No puedo escribir {path}: {problem}.", "I cannot write {path}: {problem}."),
    "wav_missing": ("no existe o no se puede leer", "it does not exist or cannot be read"),
    "wav_format": (
        "no es un WAV de PCM de 16 bits",
        "it is no WAV of 16-bit PCM",
    ),
    "wav_rate": (
        "su frecuencia es {rate} Hz; tiene que ser 8000, 16000, 24000 o 48000",
        "its rate is {rate} Hz; it has to be 8000, 16000, 24000 or 48000",
    ),
    "wav_empty": ("no contiene sonido", "there is no sound in it"),
    "wav_long": ("dura más de {seconds:.0f} s", "it is longer than {seconds:.0f} s"),
    "no_sounddevice": (
        "Para hablar por voz falta el paquete sounddevice: pip install sounddevice (en Linux, también la "
        "biblioteca libportaudio2). Sin él puedes escribir, o usar --wav.",
        "To talk by voice the package sounddevice is missing: pip install sounddevice (on Linux the library "
        "libportaudio2 too). Without it you can type, or use --wav.",
    ),
    "no_device": (
        "No encuentro micrófono o altavoz: {problem}. Puedes escribir, o usar --wav.",
        "I find no microphone or loudspeaker: {problem}. You can type, or use --wav.",
    ),
    "speak": (
        "Habla cuando quieras. Ctrl+C interrumpe al agente; otra vez, termina.",
        "Speak whenever you like. Ctrl+C interrupts the agent; once more ends.",
    ),
}
"""Name -> Spanish, English."""


def message_text(locale: Locale, name: str, /, **fields: object) -> str:
    """Return the sentence of that name in that language.

    Raises:
        KeyError: There is no such sentence, or a field of it is missing.
    """
    spanish, english = MESSAGES[name]
    return (spanish if locale == "es" else english).format(**fields)
