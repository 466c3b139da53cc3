"""What goes wrong with the model."""

import logging
from typing import ClassVar

from app.errors.base import AgentError


class LlmError(AgentError):
    """The model's service did not give an answer.

    Attributes:
        refuses_prompt: What was asked is the reason: asked again as it is, it is refused again.
        may_refuse_prompt: What was asked may be the reason: the service was reached and gave no answer.
    """

    refuses_prompt: ClassVar[bool] = False
    may_refuse_prompt: bool = False


class LlmRateLimited(LlmError):
    """The service answered 429 until the retries were used up, or asked for too long a wait."""

    code = "llm_rate_limited"
    retryable = True
    es = "El modelo está recibiendo demasiadas peticiones. Inténtalo de nuevo dentro de un momento."
    en = "The model is receiving too many requests. Please try again in a moment."


class LlmUnavailable(LlmError):
    """The service cannot be reached, or answers 5xx."""

    code = "llm_unavailable"
    may_refuse_prompt = True
    retryable = True
    es = "El modelo no está disponible ahora mismo. Inténtalo de nuevo dentro de un momento."
    en = "The model is not available right now. Please try again in a moment."


class LlmUntrusted(LlmUnavailable):
    """The service's TLS certificate cannot be trusted; trying again does not help."""

    retryable = False
    may_refuse_prompt = False
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
    refuses_prompt = True
    severity = logging.ERROR
    es = "El modelo ha rechazado la petición."
    en = "The model refused the request."


class LlmBadResponse(LlmError):
    """The service answered something that is no answer."""

    code = "llm_bad_response"
    may_refuse_prompt = True
    retryable = True
    es = "El modelo ha dado una respuesta que no se entiende. Inténtalo de nuevo."
    en = "The model gave an answer that cannot be read. Please try again."


class LlmCut(LlmError):
    """The answer's stream broke off before its end."""

    code = "llm_cut"
    may_refuse_prompt = True
    retryable = True
    es = "La respuesta del modelo se ha cortado. Inténtalo de nuevo."
    en = "The model's answer broke off. Please try again."


class LlmStalled(LlmError):
    """The model went silent for too long."""

    code = "llm_stalled"
    may_refuse_prompt = True
    retryable = True
    es = "El modelo ha dejado de responder. Inténtalo de nuevo."
    en = "The model stopped answering. Please try again."


class ContentFiltered(LlmError):
    """The service refuses the prompt for its content."""

    code = "content_filtered"
    refuses_prompt = True
    es = "El filtro de contenido del modelo no permite responder a eso."
    en = "The model's content filter does not allow an answer to that."


class ContextTooLong(LlmError):
    """The prompt is too long, even without the oldest turns."""

    code = "context_too_long"
    refuses_prompt = True
    es = "El mensaje es demasiado largo para el modelo."
    en = "The message is too long for the model."
