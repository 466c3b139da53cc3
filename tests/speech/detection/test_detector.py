"""The stream of a client as the ear is told of it. Where utterances begin and end: test_utterances.py."""

from hypothesis import given
from hypothesis import strategies as st

from app.speech.base import SpeechEvent
from app.speech.detection.detector import UtteranceDetector
from app.speech.detection.utterances import FRAME_BYTES, FRAME_MS

VOICE, QUIET = b"\x01" * FRAME_BYTES, b"\x00" * FRAME_BYTES


def new_detector(max_seconds: float = 10) -> UtteranceDetector:
    return UtteranceDetector(lambda frame: 1.0 if frame[0] else 0.0, max_seconds)


def kinds(events: list[SpeechEvent]) -> list[str]:
    return [event.kind for event in events]


def test_speech_is_told_frame_by_frame():
    detector = new_detector()

    assert kinds(list(detector.feed(VOICE * 4))) == ["onset", "confirmed", "voice", "voice"]
    assert detector.voiced_ms == 4 * FRAME_MS
    assert not detector.is_surely_speech
    detector.feed(VOICE * 12)
    assert detector.is_surely_speech


def test_silence_is_told_with_its_length_and_an_utterance_that_goes_on_as_voice():
    detector = new_detector()
    detector.feed(VOICE * 5)

    assert detector.feed(QUIET * 2)[-1] == SpeechEvent("silence", 2 * FRAME_MS)
    assert kinds(list(detector.feed(VOICE * 3)))[-1] == "voice"


def test_silence_outside_of_utterances_is_told_too():
    assert new_detector().feed(QUIET * 3)[-1] == SpeechEvent("silence", 3 * FRAME_MS)


def test_click_is_a_false_alarm():
    assert "false_alarm" in kinds(list(new_detector().feed(VOICE + QUIET * 8)))


def test_utterance_that_is_too_long_is_full_once():
    events = kinds(list(new_detector(max_seconds=1).feed(VOICE * 100)))

    assert events.count("full") == 1


@given(st.lists(st.integers(1, 3 * FRAME_BYTES), max_size=20))
def test_where_frames_are_cut_makes_no_difference(lengths: list[int]):
    sound = VOICE * 5 + QUIET * 5 + VOICE * 5
    whole, pieces = new_detector(), new_detector()
    expected = list(whole.feed(sound))
    told: list[SpeechEvent] = []
    start = 0
    for length in [*lengths, len(sound)]:
        told += pieces.feed(sound[start : start + length])
        start += length

    assert told == expected
    assert pieces.speech() == whole.speech()
