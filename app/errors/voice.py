"""What goes wrong with sound and speech."""

from app.errors.base import AgentError


class VoiceLoading(AgentError):
    """Speech, or the half of it that is asked for, is still being brought or loaded."""

    code = "voice_loading"
    retryable = True
    es = "La voz todavía se está preparando. Inténtalo de nuevo dentro de un momento."
    en = "Speech is still getting ready. Please try again in a moment."


class BadAudio(AgentError):
    """The sound is in no format that is known, is broken, or is none."""

    code = "bad_audio"
    es = "No puedo leer ese audio: tiene que ser WAV, WebM, OGG, MP3 o FLAC, y estar entero."
    en = "I cannot read that audio: it has to be WAV, WebM, OGG, MP3 or FLAC, and whole."


class UnexpectedAudio(BadAudio):
    """Sound came where none was agreed on."""

    es = "Ha llegado audio y en esta conversación no se ha acordado ninguno."
    en = "Audio came, and none was agreed on in this talk."


class AudioOverflow(AgentError):
    """More sound than one utterance may have, or than is worked off in time."""

    code = "audio_overflow"
    retryable = True
    es = "Es demasiado audio de una vez: el límite son {seconds} segundos. Dilo en partes más cortas."
    en = "That is too much audio at once: the limit is {seconds} seconds. Say it in shorter parts."


class NothingHeard(AgentError):
    """A clip without words."""

    code = "nothing_heard"
    es = "No he oído ninguna palabra en el audio."
    en = "I heard no words in that audio."


class WorkerFailed(AgentError):
    """What understands or makes speech died, hung, or its service failed."""

    code = "worker_failed"
    retryable = True
    es = "El reconocimiento o la síntesis de voz ha fallado. Inténtalo de nuevo."
    en = "Speech recognition or synthesis failed. Please try again."


class VoiceBusy(AgentError):
    """Too much speech waits to be understood or made."""

    code = "voice_busy"
    retryable = True
    es = "Hay demasiadas voces a la vez. Inténtalo de nuevo en unos segundos."
    en = "Too many voices at once. Please try again in a few seconds."
