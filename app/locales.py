"""The sentences that the server itself says to users, in Spanish and English.

Errors have their own sentences, beside their codes, in `app/errors/`.
"""

from typing import Final

from app.errors import Locale

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "accepted": ("Mensaje recibido", "Message received"),
    "thinking": ("Pensando en tu respuesta...", "Thinking about your answer..."),
    "understood": ("Has dicho: «{text}»", "You said: “{text}”"),
    "tool_started": ("Herramienta {name}: en marcha.", "Tool {name}: started."),
    "tool_progress": ("Herramienta {name}: sigue en marcha ({n} s).", "Tool {name}: still running ({n} s)."),
    "tool_progress_message": (
        "Herramienta {name}: sigue en marcha ({n} s): {message}.",
        "Tool {name}: still running ({n} s): {message}.",
    ),
    "approval": (
        "¿Permites que ejecute {name} con {arguments}? Responde «sí»; cualquier otra cosa es que no.",
        "May I run {name} with {arguments}? Answer “yes”; anything else means no.",
    ),
    "approval_earlier": (
        "Atención: esto mismo ya se intentó y no se sabe si surtió efecto; podría ocurrir dos veces.",
        "Careful: the very same was tried before and may have taken effect; it could happen twice.",
    ),
    "tool_may_have_acted": ("No se sabe si surtió efecto.", "Whether it took effect is not known."),
    "tool_waits": (
        "espera a que el usuario lo permita; dilo y no lo llames otra vez.",
        "waits for the user's permission; say so and do not call it again.",
    ),
    "tool_denied": ("el usuario no lo ha permitido.", "the user did not allow it."),
    "tool_expired": (
        "nadie lo ha permitido a tiempo, así que no se ha ejecutado.",
        "nobody allowed it in time, so that it did not run.",
    ),
    "tool_done": ("Herramienta {name}: terminada ({n} s).", "Tool {name}: done ({n} s)."),
    "tool_failed": (
        "Herramienta {name}: ha fallado ({n} s): {error}",
        "Tool {name}: failed ({n} s): {error}",
    ),
    "tool_timed_out": (
        "Herramienta {name}: ha superado su tiempo ({n} s).",
        "Tool {name}: timed out ({n} s).",
    ),
    "tool_cancelled": ("Herramienta {name}: cancelada ({n} s).", "Tool {name}: cancelled ({n} s)."),
    "tool_interrupted": ("Herramienta {name}: interrumpida ({n} s).", "Tool {name}: interrupted ({n} s)."),
    "phone_greeting": (
        "Hola, soy {name}. ¿En qué puedo ayudarte?",
        "Hello, this is {name}. How can I help you?",
    ),
    "phone_no_speech": (
        "Ahora no puedo atender llamadas. Inténtalo más tarde.",
        "I cannot take calls at the moment. Please try again later.",
    ),
    "phone_progress": ("Sigo en ello.", "I'm still on it."),
    "approval_aloud": (
        "¿Permites que ejecute {name} con {arguments}? {how}",
        "May I run {name} with {arguments}? {how}",
    ),
    "approval_aloud_bare": ("¿Permites que ejecute {name}? {how}", "May I run {name}? {how}"),
    "approval_by_voice": ("Di «sí, por favor» o «no, gracias».", "Say “yes, please” or “no, thanks”."),
    "approval_by_keys": ("Pulsa 1 para sí o 2 para no.", "Press 1 for yes or 2 for no."),
    "approval_by_both": (
        "Di «sí, por favor» o «no, gracias», o pulsa 1 para sí o 2 para no.",
        "Say “yes, please” or “no, thanks”, or press 1 for yes or 2 for no.",
    ),
    "phone_keys": ("Pulso en el teclado: {keys}", "I press on the keypad: {keys}"),
    "finish_length": (
        "La respuesta se ha cortado: ha llegado a su longitud máxima.",
        "The answer was cut: it reached its maximum length.",
    ),
    "finish_content_filter": (
        "La respuesta se ha cortado: el filtro de contenido del modelo ha intervenido.",
        "The answer was cut: the model's content filter stepped in.",
    ),
    "empty_answer": (
        "No se me ocurre qué responder a eso. ¿Puedes decirlo de otra manera?",
        "I have no answer to that. Can you put it another way?",
    ),
    "too_many_rounds": (
        "He usado demasiadas herramientas seguidas sin llegar a una respuesta, así que lo dejo aquí.",
        "I used too many tools in a row without reaching an answer, so I stop here.",
    ),
    "tool_result_done": (
        "La herramienta {name} ha terminado: {text}",
        "The tool {name} has finished: {text}",
    ),
    "tool_result_failed": ("La herramienta {name} ha fallado: {text}", "The tool {name} has failed: {text}"),
    "tool_result_timed_out": (
        "La herramienta {name} ha superado su tiempo: {text}",
        "The tool {name} timed out: {text}",
    ),
    "tool_result_cancelled": (
        "La herramienta {name} se ha cancelado: {text}",
        "The tool {name} was cancelled: {text}",
    ),
    "tool_result_interrupted": (
        "La herramienta {name} se interrumpió: {text}",
        "The tool {name} was interrupted: {text}",
    ),
    "tool_error": ("ha ocurrido un error dentro de la herramienta.", "an error occurred inside the tool."),
    "tool_timeout": (
        "no ha terminado en {seconds} segundos; puede que haya surtido efecto.",
        "it did not finish within {seconds} seconds; it may have taken effect.",
    ),
    "tool_was_cancelled": (
        "se canceló; puede que haya surtido efecto.",
        "it was cancelled; it may have taken effect.",
    ),
    "tool_was_not_begun": (
        "se canceló antes de empezar; no se ha hecho nada.",
        "it was cancelled before it began; nothing was done.",
    ),
    "tool_not_noted": (
        "no se pudo anotar, así que no se ha ejecutado (could not be noted, was not run); inténtalo dentro"
        " de un momento.",
        "it could not be noted, was not run; try again in a moment.",
    ),
    "tool_was_interrupted": (
        "el servidor se reinició mientras estaba en marcha; puede que haya surtido efecto.",
        "the server restarted while it was running; it may have taken effect.",
    ),
    "tool_busy": (
        "todas las herramientas están ocupadas; inténtalo dentro de un momento.",
        "all tool threads are busy; try again in a moment.",
    ),
    "tool_unknown": (
        "esa herramienta no existe; las que hay son: {names}.",
        "there is no such tool; the tools are: {names}.",
    ),
    "tool_needs_profile": (
        "en esta conversación no se puede recordar nada: no hay un usuario conocido o no se guardan datos.",
        "nothing can be remembered in this talk: there is no known user, or nothing is kept.",
    ),
    "tool_too_many": (
        "demasiadas llamadas en una respuesta; el máximo son {limit}.",
        "too many calls in one answer; the maximum is {limit}.",
    ),
    "tool_bad_json": (
        "los argumentos no son un objeto JSON.",
        "the arguments are not a JSON object.",
    ),
    "tool_long_arguments": (
        "los argumentos son demasiado largos.",
        "the arguments are too long.",
    ),
    "tool_bad_arguments": (
        "los argumentos no sirven: {problems}.",
        "the arguments do not fit: {problems}.",
    ),
    "tool_bad_result": (
        "el resultado no se puede convertir en texto.",
        "the result cannot be turned into text.",
    ),
    "tool_outcome_unknown": (
        "ya se ejecutó con los mismos argumentos y no se repite; no se sabe si surtió efecto"
        " (outcome unknown).",
        "it already ran with the same arguments and is not repeated; outcome unknown.",
    ),
}
"""Name -> Spanish, English."""


def say(locale: Locale, name: str, /, **fields: object) -> str:
    """Return the sentence of that name in that language.

    Raises:
        KeyError: There is no such sentence, or a field of it is missing.
    """
    spanish, english = SENTENCES[name]
    return (spanish if locale == "es" else english).format(**fields)
