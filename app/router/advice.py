"""What a check of the diagnosis is about, and how it is mended, for people in both languages."""

from typing import Final, Literal, NamedTuple

from app.errors import Locale

CheckStatus = Literal["ok", "warning", "failed"]

_OPTIONAL_BEGINNINGS: Final = ("voice.", "stt_", "tts_")
_OPTIONAL: Final = frozenset({"PUBLIC_IP_URL", "WEATHER_URL"})
"""Parts without which people can talk: speech, and what single tools ask."""


class Advice(NamedTuple):
    """What a part is, and what to do where it does not work."""

    part: str
    mend: str


_ADVICE: Final[dict[str, dict[Locale, Advice]]] = {
    "settings": {
        "es": Advice(
            "Ajustes del modelo", "Completa en .env los ajustes que se nombran y reinicia el servidor."
        ),
        "en": Advice(
            "Settings of the model", "Complete the settings that are named in .env and restart the server."
        ),
    },
    "endpoint": {
        "es": Advice("Dirección del servicio", "Revisa la dirección en .env, la red y el cortafuegos."),
        "en": Advice("Address of the service", "Check the address in .env, the network and the firewall."),
    },
    "key": {
        "es": Advice("Clave", "Copia de nuevo la clave del mismo recurso a .env; puede haber caducado."),
        "en": Advice("Key", "Copy the key of the same resource to .env again; it may have expired."),
    },
    "api_version": {
        "es": Advice("Versión de la API", "Pon en .env una versión que el recurso conozca."),
        "en": Advice("API version", "Name a version in .env that the resource knows."),
    },
    "deployment": {
        "es": Advice("Despliegue", "Pon en .env el nombre del despliegue, no el del modelo."),
        "en": Advice("Deployment", "Name the deployment in .env, not the model."),
    },
    "model": {
        "es": Advice("Modelo", "Pon en OPENAI_MODEL un modelo que el servicio tenga."),
        "en": Advice("Model", "Name a model in OPENAI_MODEL that the service has."),
    },
    "completion": {
        "es": Advice("Respuesta del modelo", "El servicio responde pero el modelo no: mira el detalle."),
        "en": Advice("The model's answer", "The service answers but the model does not: see the detail."),
    },
    "demo": {
        "es": Advice("Modo demostración", "Pon una clave en .env para tener un modelo de lenguaje."),
        "en": Advice("Demo mode", "Set a key in .env to have a language model."),
    },
    "storage": {
        "es": Advice(
            "Base de datos", "Las conversaciones siguen y lo escrito espera; arregla lo que dice el detalle."
        ),
        "en": Advice("Database", "Talks go on and writes wait; mend what the detail says."),
    },
    "voice.in": {
        "es": Advice(
            "Escuchar", "Instala lo que falta con «make voice», o pon VOICE=False si no hace falta."
        ),
        "en": Advice(
            "Hearing", "Install what is missing by `make voice`, or set VOICE=False if it is not needed."
        ),
    },
    "voice.out": {
        "es": Advice("Hablar", "Instala lo que falta con «make voice», o pon VOICE=False si no hace falta."),
        "en": Advice(
            "Speaking", "Install what is missing by `make voice`, or set VOICE=False if it is not needed."
        ),
    },
    "PUBLIC_IP_URL": {
        "es": Advice(
            "Herramienta de la IP pública", "Revisa PUBLIC_IP_URL y la salida a internet del servidor."
        ),
        "en": Advice("Tool for the public IP", "Check PUBLIC_IP_URL and the server's way to the internet."),
    },
    "WEATHER_URL": {
        "es": Advice("Herramienta del tiempo", "Revisa WEATHER_URL y la salida a internet del servidor."),
        "en": Advice("Tool for the weather", "Check WEATHER_URL and the server's way to the internet."),
    },
}

_SPEECH: Final[dict[str, dict[Locale, str]]] = {
    "stt_": {"es": "Reconocimiento: ", "en": "Recognition: "},
    "tts_": {"es": "Síntesis: ", "en": "Synthesis: "},
}


def advice_for(name: str, locale: Locale) -> Advice:
    """Return what is said of a check of this name; its name alone where nobody has written anything."""
    prefix = next((known for known in _SPEECH if name.startswith(known)), "")
    found = _ADVICE.get(name.removeprefix(prefix), {}).get(locale)
    if found is None:
        return Advice(name, "")
    return Advice(_SPEECH[prefix][locale] + found.part, found.mend) if prefix else found


def status_of(name: str, is_ok: bool) -> CheckStatus:
    """Return how a check ended: what people can talk without is worth a warning alone."""
    if is_ok:
        return "ok"
    is_optional = name in _OPTIONAL or name.startswith(_OPTIONAL_BEGINNINGS)
    return "warning" if is_optional else "failed"
