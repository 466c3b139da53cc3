"""Everything that can go wrong and that a client is told about.

AgentError
├── ProtocolError               the client sent something that cannot be taken
│   ├── BadMessage              bad_message
│   ├── UnknownType             unknown_type
│   └── TooLarge                too_large
├── FirstMessageTimeout         first_message_timeout
├── QueueFull                   queue_full
├── ServerFull                  server_full
├── TooManyMessages             rate_limited
├── NotAvailable                not_available
├── Unauthorized                unauthorized
├── ResumeRefused               resume_refused
├── UnknownCall                 unknown_call
├── ServerRestarted             server_restarted
├── TurnTimeout                 turn_timeout
├── Internal                    internal
└── LlmError                    the model did not answer
    ├── LlmRateLimited          llm_rate_limited
    ├── LlmUnavailable          llm_unavailable
    │   └── LlmUntrusted        llm_unavailable, not retryable: the server's certificate is wrong
    ├── LlmBusy                 llm_busy
    ├── LlmAuthFailed           llm_auth
    ├── LlmNotFound             llm_not_found
    ├── LlmBadRequest           llm_bad_request
    ├── LlmBadResponse          llm_bad_response
    ├── LlmCut                  llm_cut
    ├── LlmStalled              llm_stalled
    ├── ContentFiltered         content_filtered
    └── ContextTooLong          context_too_long

Each class has its wire code, whether the same request may succeed later, and the sentence that a user reads
in Spanish and in English. What operators need goes into `facts`, which is logged and never sent.
"""

import logging
from typing import ClassVar, Literal

Locale = Literal["es", "en"]


class AgentError(Exception):
    """A failure that has a code and a sentence for the client.

    Args:
        facts: What the log line says beside the code. Never sent to a client.
        fields: What the sentence's placeholders stand for.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    severity: ClassVar[int] = logging.WARNING
    es: ClassVar[str] = ""
    en: ClassVar[str] = ""

    def __init__(self, facts: str = "", **fields: object) -> None:
        super().__init__(facts or self.code)
        self.facts = facts
        self.fields = fields

    def sentence(self, locale: Locale) -> str:
        """What the user reads, in their language."""
        return (self.es if locale == "es" else self.en).format(**self.fields)


class ProtocolError(AgentError):
    """The client sent something that cannot be taken; the session goes on."""


class BadMessage(ProtocolError):
    """The message is no JSON object of a known shape. `reason_es` and `reason_en` say what is wrong."""

    code = "bad_message"
    es = "No entiendo el mensaje: {reason_es}."
    en = "I cannot read that message: {reason_en}."

    def __init__(self, reason_es: str, reason_en: str, facts: str = "") -> None:
        super().__init__(facts or reason_en, reason_es=reason_es, reason_en=reason_en)


class UnknownType(ProtocolError):
    """The message's `type` is none that this protocol knows."""

    code = "unknown_type"
    es = "No conozco el tipo de mensaje «{type}»."
    en = "I do not know the message type “{type}”."


class TooLarge(ProtocolError):
    """The message is over its size limit."""

    code = "too_large"
    es = "El mensaje es demasiado grande: el límite son {limit} bytes."
    en = "The message is too large: the limit is {limit} bytes."


class FirstMessageTimeout(AgentError):
    """Nothing was sent after connecting."""

    code = "first_message_timeout"
    es = "No ha llegado ningún mensaje en {seconds} segundos; cierro la conexión."
    en = "No message came within {seconds} seconds; closing the connection."


class QueueFull(AgentError):
    """Too many texts of this session are waiting."""

    code = "queue_full"
    retryable = True
    es = "Hay demasiados mensajes esperando; envíalo de nuevo cuando termine alguna respuesta."
    en = "Too many messages are waiting; send it again when an answer has ended."


class ServerFull(AgentError):
    """The server has no room for another session."""

    code = "server_full"
    retryable = True
    es = "El servidor está lleno; inténtalo de nuevo en unos minutos."
    en = "The server is full; try again in a few minutes."


class TooManyMessages(AgentError):
    """The client keeps sending faster than it may."""

    code = "rate_limited"
    retryable = True
    es = "Envías mensajes demasiado deprisa; cierro la conexión."
    en = "You are sending messages too fast; closing the connection."


class NotAvailable(AgentError):
    """A feature that this server does not have or has switched off."""

    code = "not_available"
    es = "Esta función no está disponible en este servidor: {feature}."
    en = "This feature is not available on this server: {feature}."


class Unauthorized(AgentError):
    """The server asks for a token, and this one is missing or none of its own."""

    code = "unauthorized"
    es = "No tienes acceso: el token falta o no es válido."
    en = "You have no access: the token is missing or not valid."


class ResumeRefused(AgentError):
    """There is no such session, or the token is not good: all the same to whoever asks."""

    code = "resume_refused"
    es = "La conversación anterior ya no se puede retomar."
    en = "The earlier talk can no longer be taken up."


class UnknownCall(AgentError):
    """No tool call of that id is running."""

    code = "unknown_call"
    es = "Esa herramienta ya no está en marcha."
    en = "That tool is no longer running."


class ServerRestarted(AgentError):
    """The server stopped before a text had its answer."""

    code = "server_restarted"
    retryable = True
    es = "El servidor se reinició antes de responder. Envía el mensaje de nuevo."
    en = "The server restarted before it had answered. Please send the message again."


class TurnTimeout(AgentError):
    """A turn took longer than `TURN_TIMEOUT_S`."""

    code = "turn_timeout"
    retryable = True
    es = "La respuesta ha tardado demasiado y la he cortado. Inténtalo de nuevo."
    en = "The answer took too long and was cut. Please try again."


class Internal(AgentError):
    """A bug of ours; the log has the traceback."""

    code = "internal"
    retryable = True
    es = "Ha ocurrido un error interno. Inténtalo de nuevo."
    en = "An internal error occurred. Please try again."


class LlmError(AgentError):
    """The model's service did not give an answer."""


class LlmRateLimited(LlmError):
    """The service answered 429 until the retries were used up, or asked for too long a wait."""

    code = "llm_rate_limited"
    retryable = True
    es = "El modelo está recibiendo demasiadas peticiones. Inténtalo de nuevo dentro de un momento."
    en = "The model is receiving too many requests. Please try again in a moment."


class LlmUnavailable(LlmError):
    """The service cannot be reached, or answers 5xx."""

    code = "llm_unavailable"
    retryable = True
    es = "El modelo no está disponible ahora mismo. Inténtalo de nuevo dentro de un momento."
    en = "The model is not available right now. Please try again in a moment."


class LlmUntrusted(LlmUnavailable):
    """The service's TLS certificate cannot be trusted; trying again does not help."""

    retryable = False
    es = "No se puede establecer una conexión segura con el modelo."
    en = "No secure connection to the model can be made."


class LlmBusy(LlmError):
    """All our connections to the service are in use."""

    code = "llm_busy"
    retryable = True
    es = "Hay demasiadas conversaciones a la vez. Inténtalo de nuevo en unos segundos."
    en = "Too many conversations at once. Please try again in a few seconds."


class LlmAuthFailed(LlmError):
    """The service refuses the key."""

    code = "llm_auth"
    severity = logging.ERROR
    es = "El servidor no tiene acceso al modelo. Avisa a quien lo administra."
    en = "The server has no access to the model. Please tell its administrator."


class LlmNotFound(LlmError):
    """The deployment, the model or the api-version does not exist."""

    code = "llm_not_found"
    severity = logging.ERROR
    es = "El modelo configurado no existe. Avisa a quien administra el servidor."
    en = "The configured model does not exist. Please tell the server's administrator."


class LlmBadRequest(LlmError):
    """The service refuses our request as malformed."""

    code = "llm_bad_request"
    severity = logging.ERROR
    es = "El modelo ha rechazado la petición."
    en = "The model refused the request."


class LlmBadResponse(LlmError):
    """The service answered something that is no answer."""

    code = "llm_bad_response"
    retryable = True
    es = "El modelo ha dado una respuesta que no se entiende. Inténtalo de nuevo."
    en = "The model gave an answer that cannot be read. Please try again."


class LlmCut(LlmError):
    """The answer's stream broke off before its end."""

    code = "llm_cut"
    retryable = True
    es = "La respuesta del modelo se ha cortado. Inténtalo de nuevo."
    en = "The model's answer broke off. Please try again."


class LlmStalled(LlmError):
    """The model went silent for too long."""

    code = "llm_stalled"
    retryable = True
    es = "El modelo ha dejado de responder. Inténtalo de nuevo."
    en = "The model stopped answering. Please try again."


class ContentFiltered(LlmError):
    """The service refuses the prompt for its content."""

    code = "content_filtered"
    es = "El filtro de contenido del modelo no permite responder a eso."
    en = "The model's content filter does not allow an answer to that."


class ContextTooLong(LlmError):
    """The prompt is too long, even without the oldest turns."""

    code = "context_too_long"
    es = "El mensaje es demasiado largo para el modelo."
    en = "The message is too long for the model."
