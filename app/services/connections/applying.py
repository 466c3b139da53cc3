"""What each command of a client does to its session, whoever sent it and over which wire."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from app.conversation.injected_message import InjectedMessage
from app.errors import AgentError, BadMessage
from app.protocol.asking import ApprovalWays
from app.protocol.close_codes import CloseCode
from app.protocol.commands import (
    Add,
    AddResult,
    Announce,
    AppendAudio,
    Approve,
    CancelTool,
    ClearAudio,
    Command,
    CommitAudio,
    Configure,
    End,
    Interrupt,
    Ping,
    Recording,
    Remark,
    ReportPlayback,
    Respond,
    Revise,
    Say,
    Sound,
    StopPlayback,
    TakeOut,
    Truncate,
)
from app.protocol.events import ErrorOccurred, Pong, Remarked
from app.services.connections.recordings import PART_CHARS, sound_in_parts, sound_of
from app.services.sessions.live_session import LiveSession

Done = CloseCode | Coroutine[Any, Any, None] | None
"""A code where the connection must end after it; something to be awaited where it takes its time."""


def apply(live: LiveSession, command: Command) -> Done:
    """Do what a command asks for.

    Raises:
        AgentError: It cannot be done; `refusal` is what its client is told.
    """
    return ACTIONS[type(command)](live, command)


def refusal(command: Command | None, error: AgentError, frame_id: str | None = None) -> ErrorOccurred:
    """Return the event that says that a command was refused, under the client's own ids."""
    refused = ErrorOccurred(error, frame_id=frame_id)
    match command:
        case (
            Say(client_id=client_id)
            | Add(client_id=client_id)
            | Respond(client_id=client_id)
            | Revise(client_id=client_id)
            | Configure(client_id=client_id)
        ):
            refused.client_id = client_id
        case CancelTool(call_id=call_id) | Approve(call_id=call_id) | AddResult(call_id=call_id):
            refused.call_id = call_id
        case _:
            pass
    return refused


def _say(live: LiveSession, command: Say) -> None:
    """Queue what the user says.

    Raises:
        BadMessage: It says nothing.
        QueueFull: Too many texts wait.
    """
    if not command.content.strip():
        raise BadMessage("el texto está vacío", "the text is empty")
    live.conversation.hear(command.content, command.client_id, interrupts=command.interrupts)
    if live.session.approvals.in_words:
        live.conversation.tools.approvals.answer_in_words(command.content)


def _add(live: LiveSession, command: Add) -> None:
    """Queue what joins the conversation unanswered.

    Raises:
        BadMessage: It says nothing.
        QueueFull: Too many texts wait.
    """
    if not command.content.strip():
        raise BadMessage("el texto está vacío", "the text is empty")
    live.conversation.add(command.content, command.client_id, command.role)
    if live.session.approvals.in_words and command.role == "user":
        live.conversation.tools.approvals.answer_in_words(command.content)


def _respond(live: LiveSession, command: Respond) -> None:
    """Queue an answer.

    Raises:
        QueueFull: Too many answers wait.
        BudgetExceeded: The session, or its user, has used up this hour's part.
    """

    def respond() -> None:
        live.conversation.respond(command.client_id, command.instructions, command.limits)

    def respond_later() -> None:
        if not command.is_wanted():
            return
        try:
            respond()
        except AgentError as error:
            live.session.emit(refusal(command, error))

    # What the client has just said aloud is to be answered too, as soon as it is understood.
    if not live.voice.when_decided(respond_later):
        respond()


def _announce(live: LiveSession, command: Announce) -> None:
    """Queue a sentence of the server's.

    Raises:
        QueueFull: Too many of them wait.
    """
    live.conversation.inject(InjectedMessage(command.content, "say", by="server"))


def _remark(live: LiveSession, command: Remark) -> None:
    live.session.emit(Remarked(command.content))


def _revise(live: LiveSession, command: Revise) -> None:
    """Answer a text anew.

    Raises:
        BadMessage: Its other words say nothing.
        UnknownTurn, NotRevisable: It cannot be revised.
        ContextTooLong: Its other words are too long.
    """
    if command.content is not None and not command.content.strip():
        raise BadMessage("el texto está vacío", "the text is empty")
    live.conversation.revise(command.turn_id, command.client_id, command.content)


def _recording(live: LiveSession, command: Recording) -> Done:
    """Take a recording.

    Raises:
        BadAudio: It is no base64.
        NotAvailable: This server does not hear.
        AudioOverflow, QueueFull: Too much waits.
    """
    live.voice.check_ears()
    return _take(
        live.voice.hear_clip if command.is_queued_at_once else live.voice.understand_clip, command.sound
    )


def _append_audio(live: LiveSession, command: AppendAudio) -> Done:
    """Hear more.

    Raises:
        BadAudio: It is no base64.
        UnexpectedAudio: No sound was agreed on.
        AudioOverflow: Too much waits.
    """
    if isinstance(command.sound, str):
        live.voice.check_ears(is_stream=True)
    return _take(live.voice.take, command.sound)


def _take(take: Callable[[bytes], None], sound: Sound) -> Done:
    if isinstance(sound, bytes):
        take(sound)
    elif len(sound) > PART_CHARS:
        return _take_large(take, sound)
    else:
        take(sound_of(sound))
    return None


async def _take_large(take: Callable[[bytes], None], sound: str) -> None:
    take(await sound_in_parts(sound))


def _configure(live: LiveSession, command: Configure) -> None:
    """Change the language, the voice, what sound there is, or what the client brings.

    Raises:
        NotAvailable: It asks for sound that this server does not have.
        BadMessage: Its tools cannot be used.
    """
    if command.tools is not None:
        live.conversation.tools.take_clients(command.tools)
    if command.instructions is not None:
        live.session.client_instructions = command.instructions
    if command.limits is not None:
        live.session.answer_limits = command.limits
    if command.approvals is not None and command.approvals != live.session.approvals:
        _change_approvals(live, command.approvals)
    if command.locale is not None:
        live.session.locale = live.pump.locale = command.locale
        live.takes_users_language = False
        live.session.spoken_language = None
    live.voice.choose(command.voice, command.speed)
    if command.audio is not None:
        live.voice.configure(command.audio)
    live.conversation.go_on()


def _change_approvals(live: LiveSession, approvals: ApprovalWays) -> None:
    """Have users asked in another way; what waits is asked for again."""
    live.session.approvals = approvals
    live.voice.ask_otherwise()
    live.conversation.tools.approvals.ask_again()


def _commit(live: LiveSession, command: CommitAudio) -> None:
    live.voice.commit()


def _clear(live: LiveSession, command: ClearAudio) -> None:
    live.voice.clear()


def _report_playback(live: LiveSession, command: ReportPlayback) -> None:
    live.voice.played(command.turn_id, command.played_ms)


def _stop_playback(live: LiveSession, command: StopPlayback) -> None:
    live.voice.stopped(command.turn_id)


def _truncate(live: LiveSession, command: Truncate) -> None:
    """End a turn's sound at a place; one that runs ends with it.

    Raises:
        BadMessage: Nothing of that turn was spoken.
    """
    live.voice.truncate(command.turn_id, command.heard_ms)
    running = live.conversation.running_turn
    if running is not None and running.turn_id == command.turn_id:
        live.conversation.interrupt(command.turn_id)


def _interrupt(live: LiveSession, command: Interrupt) -> None:
    live.conversation.interrupt(command.turn_id)


def _cancel_tool(live: LiveSession, command: CancelTool) -> None:
    live.conversation.tools.cancel(command.call_id)


def _add_result(live: LiveSession, command: AddResult) -> Done:
    """Take a result; what comes next knows it.

    Raises:
        UnknownCall: No call of the client's waits for it.
    """
    return live.conversation.tools.take_result(command.call_id, command.output)


def _take_out(live: LiveSession, command: TakeOut) -> None:
    for text in live.conversation.waiting_texts:
        if text.turn_id == command.turn_id:
            text.is_replaced = True  # it has not begun: no trace of it is to stay
    live.conversation.record.take_out_words(command.turn_id, command.role)


def _approve(live: LiveSession, command: Approve) -> None:
    live.conversation.tools.approvals.answer(command.call_id, approved=command.approved)


def _ping(live: LiveSession, command: Ping) -> None:
    live.session.emit(Pong())


def _end(live: LiveSession, command: End) -> CloseCode:
    return CloseCode.NORMAL


ACTIONS: Final[dict[type, Callable[[LiveSession, Any], Done]]] = {
    Say: _say,
    Add: _add,
    Respond: _respond,
    Announce: _announce,
    Revise: _revise,
    Recording: _recording,
    AppendAudio: _append_audio,
    CommitAudio: _commit,
    ClearAudio: _clear,
    ReportPlayback: _report_playback,
    StopPlayback: _stop_playback,
    Truncate: _truncate,
    Interrupt: _interrupt,
    CancelTool: _cancel_tool,
    Approve: _approve,
    TakeOut: _take_out,
    AddResult: _add_result,
    Configure: _configure,
    Remark: _remark,
    Ping: _ping,
    End: _end,
}
"""One for each command."""
