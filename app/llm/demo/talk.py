"""What the demo says when no tool is wanted: greetings, thanks, who it is, what it can do."""

import re
from collections.abc import Collection, Sequence

from app.errors import Locale
from app.llm.demo.conversation import Outcome
from app.llm.demo.phrasing import named
from app.llm.demo.text import utterance

NOTICE: dict[Locale, str] = {
    "es": "Modo demostración: no hay ningún modelo de lenguaje configurado. Respondo con reglas y uso "
    "las herramientas de verdad.",
    "en": "Demo mode: no language model is configured. I answer by simple rules, and use the tools for real.",
}

_CAN: dict[str, tuple[str, str]] = {
    "calculate": ("hacer cuentas: «¿cuánto es 15 % de 80?»", "do sums: “what is 15% of 80?”"),
    "get_current_time": (
        "decir la hora: «¿qué hora es en Tokio?»",
        "tell the time: “what time is it in Tokyo?”",
    ),
    "text_analysis": (
        "analizar un texto: «analiza este texto: me encanta este sitio»",
        "analyse a text: “analyse this text: I love this place”",
    ),
    "get_weather_info": (
        "decir el tiempo: «¿qué tiempo hace en Lima?»",
        "tell the weather: “weather in Lima”",
    ),
    "make_http_request": (
        "hacer peticiones HTTP: «haz un GET a https://example.com»",
        "make HTTP requests: “fetch https://example.com”",
    ),
    "get_public_ip": (
        "decir la IP pública: «¿cuál es tu IP pública?»",
        "tell the public IP: “what is your public IP?”",
    ),
    "remember": (
        "recordar cosas de ti: «recuerda que me gusta el té», «¿qué sabes de mí?»",
        "remember things about you: “remember that I like tea”, “what do you know about me?”",
    ),
    "placeholder_api_call": (
        "simular una API lenta: «prueba una llamada lenta de 10 segundos»",
        "simulate a slow API: “try a slow call of 10 seconds”",
    ),
    "search_talk": (
        "buscar en lo que hemos hablado: «¿qué dije sobre el viaje?»",
        "find what we said: “what did I say about the trip?”",
    ),
}
_MISSING: dict[str, tuple[str, str]] = {
    # By what is missing, where that needs words of its own; else by the tool.
    "calculate": ("¿Qué operación quieres que calcule?", "What would you like me to calculate?"),
    "an expression without unknowns": (
        "No sé resolver ecuaciones con incógnitas, solo cuentas con números. ¿Qué cuenta hago?",
        "I cannot solve equations with unknowns, only sums of numbers. What would you like me to calculate?",
    ),
    "an expression without times of day": (
        "No sé hacer cuentas con horas del reloj, solo con números. ¿Qué cuenta hago?",
        "I cannot do sums with times of day, only with numbers. What would you like me to calculate?",
    ),
    "body": (
        "No consigo leer los datos que hay que enviar, así que no he enviado nada. Repite la petición con "
        'los datos como JSON, {"clave": "valor"}, o como clave=valor.',
        "I cannot read the data to be sent, so I have sent nothing. Repeat the request with the data as "
        'JSON, {"key": "value"}, or as key=value.',
    ),
    "get_weather_info": (
        "¿De qué lugar quieres saber el tiempo?",
        "Which place's weather would you like to know?",
    ),
    "make_http_request": (
        "¿A qué dirección (URL) hago la petición?",
        "Which address (URL) should I request?",
    ),
    "remember": ("¿Qué quieres que recuerde?", "What would you like me to remember?"),
    "text_analysis": ("¿Qué texto quieres que analice?", "Which text should I analyse?"),
    "search_talk": (
        "¿Qué quieres que busque en nuestra conversación?",
        "What should I look for in our talk?",
    ),
}
_BEFORE: dict[str, tuple[str, str]] = {
    "make_http_request": ("Voy a hacer la petición. ", "Let me make that request. "),
    "placeholder_api_call": ("Voy a hacer la llamada de prueba. ", "Let me make the test call. "),
}

_GREETING = re.compile(
    r"^\W*(?:(?:hola|buenas|buenos dias|buenas tardes|buenas noches|hello|hi|hey"
    r"|good (?:morning|afternoon|evening)|que tal|saludos|greetings|ey|holi|what'?s up"
    r"|howdy)\b\W*)+"
    r"(?:\w+\W*){0,2}$"
)
_HOW_ARE_YOU = re.compile(
    r"\b(?:como (?:estas|te va|andas|vas|te encuentras)|que tal(?: (?:estas|todo|te va))?\W*$"
    r"|how are you|how(?:'s| is) it going|how do you do)\b"
)
_THANKS = re.compile(r"\b(?:gracias|thanks|thank you|thx|te lo agradezco|muy amable|cheers)\b")
_BYE = re.compile(
    r"\b(?:adios|hasta (?:luego|pronto|manana|la vista)|chao|chau|nos vemos|bye|goodbye|see you"
    r"|farewell|good night)\b"
)
_WHO = re.compile(
    r"\b(?:quien(?:es)? (?:eres|es usted|te (?:hizo|creo))|que eres|como te llamas"
    r"|cual es tu nombre|tu nombre|who are you|what are you|your name|who (?:made|built"
    r"|created) you"
    r"|eres (?:un|una|real|humano|chatgpt|gpt|ia)|are you (?:a|an|real|human|chatgpt|gpt|ai)"
    r"|que modelo|which model|what model)\b"
)
_HELP = re.compile(
    r"\b(?:ayuda|ayudame|help|que (?:puedes|sabes|podrias|haces|cosas)|para que sirves"
    r"|como funcionas|en que (?:puedes|me)|what can you|what do you do|how do you work"
    r"|what else"
    r"|capabilities|que herramientas|what tools|which tools|list (?:your )?tools"
    r"|tus herramientas|tu funcion|comandos|commands|opciones|options|ejemplos?|examples?)\b"
)
_STATUS = re.compile(
    r"\b(?:como va|que tal va|ya (?:esta|acabo|ha acabado|termino|ha terminado)"
    r"|has (?:acabado|terminado)|sigue en marcha|cuanto falta|how is it going|how's it going"
    r"|is it done|are you done|still running"
    r"|finished|any news|hay novedades|status|estado|pendiente|pending|progress|progreso)\b"
)
_YES_NO = re.compile(
    r"^\W*(?:si|no|vale|ok|okay|de acuerdo|perfecto|genial|yes|no|sure|fine|great|cool|nice"
    r"|entendido|got it|bien|muy bien|ya)\W*$"
)


def small_talk(
    text: str,
    language: Locale,
    *,
    agent_name: str,
    tools: Collection[str],
    running: Sequence[Outcome] = (),
    user_name: str = "",
) -> str:
    """The answer to a text that asks for no tool."""
    plain = utterance(text).plain
    if running and _STATUS.search(plain):
        return _still(running, language)
    for pattern, answer in (
        (_WHO, _who(agent_name, tools, language)),
        (_BYE, _pick(language, "¡Hasta luego! Aquí estaré.", "Goodbye! I will be here.")),
        (_HELP, _offer(tools, language)),
        (
            _HOW_ARE_YOU,
            _pick(language, "¡Muy bien, gracias! ¿En qué te ayudo?", "Very well, thank you! How can I help?"),
        ),
        (_THANKS, _pick(language, "¡De nada! ¿Algo más?", "You're welcome! Anything else?")),
        (_GREETING, greeting(agent_name, user_name, language)),
        (
            _YES_NO,
            _pick(
                language, "De acuerdo. ¿Qué más puedo hacer por ti?", "All right. What else can I do for you?"
            ),
        ),
    ):
        if pattern.search(plain):
            return answer
    return _fallback(tools, language)


def _pick(language: Locale, es: str, en: str) -> str:
    return es if language == "es" else en


def greeting(agent_name: str, user_name: str, language: Locale) -> str:
    """Greets the user, by name if it is known."""
    name = f", {user_name}" if user_name else ""
    return _pick(
        language,
        f"¡Hola{name}! Soy {agent_name}, en modo demostración. Pregúntame la hora, el tiempo, una "
        f"cuenta… o escribe «ayuda».",
        f"Hello{name}! I am {agent_name}, in demo mode. Ask me the time, the weather, a sum… or type “help”.",
    )


def _who(agent_name: str, tools: Collection[str], language: Locale) -> str:
    return _pick(
        language,
        f"Soy {agent_name}, un asistente de demostración: detrás no hay ningún modelo de "
        f"lenguaje, solo reglas, pero las "
        f"herramientas son de verdad. {_offer(tools, language)}",
        f"I am {agent_name}, a demo assistant: there is no language model behind me, only "
        f"rules, but the tools are real. "
        f"{_offer(tools, language)}",
    )


def _offer(tools: Collection[str], language: Locale) -> str:
    if not tools:
        return _pick(language, "Ahora mismo no tengo ninguna herramienta.", "I have no tools at the moment.")
    known = [f"- {_pick(language, *words)}" for name, words in _CAN.items() if name in tools]
    others = [f"- {name}" for name in tools if name not in _CAN]
    if others:
        example = others[0].removeprefix("- ")
        known += [
            _pick(language, f"- otras herramientas («usa la herramienta {example} con {{…}}»): ",
                  f"- other tools (“call tool {example} {{…}}”): ")
            + ", ".join(each.removeprefix("- ") for each in others)
        ]  # fmt: skip
    return _pick(language, "Puedo:\n", "I can:\n") + "\n".join(known)


def _fallback(tools: Collection[str], language: Locale) -> str:
    return _pick(
        language,
        "Soy una demostración sin modelo de lenguaje y no sé responder a eso. ",
        "I am a demo without a language model and cannot answer that. ",
    ) + _offer(tools, language)


def _still(running: Sequence[Outcome], language: Locale) -> str:
    listed = ", ".join(named(outcome, language) for outcome in running)
    return _pick(
        language,
        f"Todavía en marcha: {listed}. Te aviso cuando acabe.",
        f"Still running: {listed}. I will tell you when it is done.",
    )


def ask_for(tool: str, argument: str, language: Locale) -> str:
    """Asks the user for an argument that a call needs."""
    words = _MISSING.get(argument) or _MISSING.get(tool)
    if words:
        return _pick(language, *words)
    return _pick(
        language,
        f"Para usar {tool} necesito: {argument}. Puedes dármelo como JSON.",
        f"To use {tool} I need: {argument}. You can give it as JSON.",
    )


def not_there(tools: Sequence[str], language: Locale) -> str:
    """Says that what was asked for needs tools that are not available."""
    if "remember" in tools:
        return _pick(
            language,
            "Eso no lo puedo guardar: en esta conversación no sé quién eres, o no se guarda nada.",
            "I cannot keep that: in this talk I do not know who you are, or nothing is kept.",
        )
    names = ", ".join(tools)
    return _pick(
        language,
        f"Para eso necesito una herramienta que ahora no tengo disponible: {names}.",
        f"That needs a tool that is not available right now: {names}.",
    )


def before_calling(tools: Collection[str], language: Locale) -> str:
    """A few words before calls that may take a while; empty before quick ones."""
    slow = [tool for tool in tools if tool in _BEFORE]
    return _pick(language, *_BEFORE[slow[0]]) if slow else ""


def nothing_new(language: Locale) -> str:
    """What is said where nothing was asked."""
    return _pick(language, "¿En qué más puedo ayudarte?", "What else can I help you with?")
