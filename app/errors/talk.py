"""What goes wrong between a client and its session."""

from app.errors.base import AgentError


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


class BudgetExceeded(AgentError):
    """The user, or the session, has used up what it may in an hour."""

    code = "budget_exceeded"
    retryable = True
    es = "Has alcanzado el límite de uso por hora. Podrás seguir dentro de {minutes} min."
    en = "You have reached the limit of use per hour. You can go on in {minutes} min."


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


class HearingNotAvailable(NotAvailable):
    """Sound came, or was asked to be taken, and this server understands none."""

    es = "Aquí no puedo oírte: este servidor no tiene reconocimiento de voz. Escríbeme, por favor."
    en = "I cannot hear you here: this server has no speech recognition. Please write to me."

    def __init__(self, facts: str = "") -> None:
        super().__init__(facts, feature="audio_in")


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


class UnknownTurn(AgentError):
    """There is no such turn, or another has taken its place."""

    code = "unknown_turn"
    es = "Ese mensaje ya no está en la conversación."
    en = "That message is no longer part of the talk."


class NotRevisable(AgentError):
    """A turn is no text of the user's, or so old that the model is no longer told of it word for word."""

    code = "not_revisable"
    es = "Ese mensaje ya no se puede cambiar ni responder de nuevo."
    en = "That message can no longer be changed or answered anew."


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
