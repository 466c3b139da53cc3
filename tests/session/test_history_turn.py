"""A turn as the history keeps it: its weight is counted once, and again after a change."""

from app.session.history_turn import (
    MESSAGE_OVERHEAD_BYTES,
    CallRecord,
    PromptTurn,
    calling,
    is_speech,
    weight_of,
)


def test_weight_is_what_the_model_reads_in_bytes():
    call = calling("Voy: ñ", [CallRecord("c1", "work", '{"a":"ñ"}')])

    assert weight_of([{"role": "user", "content": "ñu"}]) == MESSAGE_OVERHEAD_BYTES + 3
    assert weight_of([call]) == 2 * MESSAGE_OVERHEAD_BYTES + len("Voy: ñ".encode()) + len("work") + 10
    assert weight_of([]) == 0


def test_weight_is_counted_anew_only_after_a_change():
    turn = PromptTurn("t", messages=[{"role": "user", "content": "hola"}])
    before = turn.weight

    turn.messages.append({"role": "assistant", "content": "qué tal"})
    assert turn.weight == before
    turn.touch()

    assert turn.weight == weight_of(turn.messages) > before


def test_call_is_no_speech_even_with_words_before_it():
    assert is_speech({"role": "assistant", "content": "hola"})
    assert not is_speech(calling("Voy.", [CallRecord("c1", "work", "{}")]))
    assert not is_speech({"role": "user", "content": "hola"})
