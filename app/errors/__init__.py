"""Everything that can go wrong and that a client is told about.

AgentError
├── ProtocolError               the client sent something that cannot be taken
│   ├── BadMessage              bad_message
│   ├── UnknownType             unknown_type
│   └── TooLarge                too_large
├── FirstMessageTimeout         first_message_timeout
├── QueueFull                   queue_full
├── ServerFull                  server_full
├── BudgetExceeded              budget_exceeded
├── TooManyMessages             rate_limited
├── NotAvailable                not_available
│   └── HearingNotAvailable     not_available
├── VoiceLoading                voice_loading
├── BadAudio                    bad_audio
│   └── UnexpectedAudio         bad_audio
├── AudioOverflow               audio_overflow
├── NothingHeard                nothing_heard
├── WorkerFailed                worker_failed
├── VoiceBusy                   voice_busy
├── Unauthorized                unauthorized
├── ResumeRefused               resume_refused
├── UnknownCall                 unknown_call
├── UnknownTurn                 unknown_turn
├── NotRevisable                not_revisable
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

from app.errors.base import (
    AgentError,
    Locale,
)
from app.errors.llm import (
    ContentFiltered,
    ContextTooLong,
    LlmAuthFailed,
    LlmBadRequest,
    LlmBadResponse,
    LlmBusy,
    LlmCut,
    LlmError,
    LlmNotFound,
    LlmRateLimited,
    LlmStalled,
    LlmUnavailable,
    LlmUntrusted,
)
from app.errors.talk import (
    BadMessage,
    BudgetExceeded,
    FirstMessageTimeout,
    HearingNotAvailable,
    Internal,
    NotAvailable,
    NotRevisable,
    ProtocolError,
    QueueFull,
    ResumeRefused,
    ServerFull,
    ServerRestarted,
    TooLarge,
    TooManyMessages,
    TurnTimeout,
    Unauthorized,
    UnknownCall,
    UnknownTurn,
    UnknownType,
)
from app.errors.voice import (
    AudioOverflow,
    BadAudio,
    NothingHeard,
    UnexpectedAudio,
    VoiceBusy,
    VoiceLoading,
    WorkerFailed,
)

__all__ = [
    "AgentError",
    "AudioOverflow",
    "BadAudio",
    "BadMessage",
    "BudgetExceeded",
    "ContentFiltered",
    "ContextTooLong",
    "FirstMessageTimeout",
    "HearingNotAvailable",
    "Internal",
    "LlmAuthFailed",
    "LlmBadRequest",
    "LlmBadResponse",
    "LlmBusy",
    "LlmCut",
    "LlmError",
    "LlmNotFound",
    "LlmRateLimited",
    "LlmStalled",
    "LlmUnavailable",
    "LlmUntrusted",
    "Locale",
    "NotAvailable",
    "NotRevisable",
    "NothingHeard",
    "ProtocolError",
    "QueueFull",
    "ResumeRefused",
    "ServerFull",
    "ServerRestarted",
    "TooLarge",
    "TooManyMessages",
    "TurnTimeout",
    "Unauthorized",
    "UnexpectedAudio",
    "UnknownCall",
    "UnknownTurn",
    "UnknownType",
    "VoiceBusy",
    "VoiceLoading",
    "WorkerFailed",
]
