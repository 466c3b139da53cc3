"""What is said of made-up likelihoods, one per frame."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.speech.detection.utterances import (
    FORGET_FRAMES,
    FRAME_BYTES,
    FRAME_MS,
    Confirmed,
    FalseAlarm,
    Full,
    Heard,
    Onset,
    Resumed,
    Silence,
    Utterances,
)

QUIET, DIP, VOICE = 0.1, 0.4, 0.9
MS = 32  # bytes of one millisecond


def frame(value: int) -> bytes:
    return bytes([value % 256]) * FRAME_BYTES


class Stream:
    """Utterances whose n-th frame is as likely as the test says, and holds the byte n."""

    def __init__(self, max_seconds: float = 60) -> None:
        self.coming: list[float] = []
        self.utterances = Utterances(lambda _: self.coming.pop(0), max_seconds)
        self.fed = 0

    def hears(self, *likelihoods: float) -> list[Heard]:
        self.coming += likelihoods
        sound = b"".join(frame(self.fed + number) for number in range(len(likelihoods)))
        self.fed += len(likelihoods)
        return self.utterances.feed(sound)


def test_onset_is_the_first_frame_and_confirmed_the_third() -> None:
    stream = Stream()

    assert stream.hears(QUIET, QUIET, VOICE) == [Onset(2 * FRAME_MS)]
    assert stream.hears(VOICE) == []
    assert stream.hears(VOICE) == [Confirmed()]
    assert stream.hears(VOICE) == []


def test_click_is_a_false_alarm_and_the_next_onset_a_new_one() -> None:
    stream = Stream()

    assert stream.hears(VOICE, *[QUIET] * FORGET_FRAMES) == [Onset(0), FalseAlarm()]
    assert not stream.utterances.is_open
    assert stream.utterances.finish() == b""
    assert stream.hears(VOICE) == [Onset((FORGET_FRAMES + 1) * FRAME_MS)]


def test_speech_that_begins_with_a_dip_is_confirmed() -> None:
    assert Stream().hears(VOICE, QUIET, VOICE, VOICE)[-1] == Confirmed()


def test_frame_that_dips_inside_a_word_is_no_silence() -> None:
    stream = Stream()
    stream.hears(VOICE, VOICE, VOICE)

    assert stream.hears(DIP, VOICE, DIP, DIP) == []


def test_frame_that_only_stays_does_not_begin() -> None:
    assert Stream().hears(DIP, DIP, DIP, DIP) == []


def test_silence_grows_with_each_frame_until_speech_goes_on() -> None:
    stream = Stream()
    stream.hears(VOICE, VOICE, VOICE)

    assert stream.hears(QUIET, QUIET) == [Silence(32), Silence(64)]
    assert stream.utterances.silence_ms == 64
    assert stream.hears(VOICE, VOICE) == [Silence(96), Resumed()]
    assert stream.utterances.silence_ms == 0


def test_click_in_a_silence_does_not_end_it() -> None:
    stream = Stream()
    stream.hears(VOICE, VOICE, VOICE)

    assert stream.hears(QUIET, VOICE, QUIET, DIP) == [Silence(32 * n) for n in (1, 2, 3, 4)]


def test_sound_has_some_from_before_and_after_and_the_pause_between() -> None:
    stream = Stream()
    stream.hears(*[QUIET] * 20, *[VOICE] * 4, *[QUIET] * 5, *[VOICE] * 4, *[QUIET] * 30)

    audio = stream.utterances.audio

    first, last = 20, 20 + 4 + 5 + 4 - 1
    assert len(audio) == 300 * MS + (last - first + 1) * FRAME_BYTES + 200 * MS
    assert audio[300 * MS :].startswith(frame(first))
    assert audio[: -200 * MS].endswith(frame(last))
    assert stream.utterances.speech_ms == 13 * FRAME_MS
    assert stream.utterances.voiced_ms == 8 * FRAME_MS


def test_sound_of_speech_that_still_goes_on_is_there() -> None:
    stream = Stream()
    stream.hears(VOICE, VOICE, VOICE, VOICE)

    assert stream.utterances.is_voiced
    assert len(stream.utterances.audio) == 4 * FRAME_BYTES


@pytest.mark.parametrize(
    ("likelihoods", "is_sure"),
    [
        ([0.95] * 16, True),
        ([0.95] * 15, False),
        ([0.6, *[0.97] * 15], True),
        ([0.95, *[0.8] * 19], False),
        ([0.95, 0.95, 0.4, 0.4] * 6, False),
        ([*[0.95] * 9, 0.1, 0.1, 0.1, *[0.95] * 9], True),
    ],
    ids=["sure", "too short", "soft beginning", "a throat", "coughs", "a pause"],
)
def test_speech_is_sure_by_the_mean_of_its_frames(likelihoods: list[float], is_sure: bool) -> None:
    stream = Stream()
    stream.hears(*likelihoods, *[QUIET] * 3)

    assert stream.utterances.is_surely_speech is is_sure
    stream.utterances.clear()
    assert not stream.utterances.is_surely_speech


def test_finish_gives_the_sound_and_begins_anew() -> None:
    stream = Stream()
    stream.hears(*[VOICE] * 5, *[QUIET] * 40)

    audio = stream.utterances.finish()

    assert len(audio) == 5 * FRAME_BYTES + 200 * MS
    assert not stream.utterances.is_confirmed
    assert stream.utterances.audio == b""
    assert stream.hears(VOICE) == [Onset(45 * FRAME_MS)]


def test_speech_right_after_a_false_alarm_has_its_pre_roll() -> None:
    stream = Stream()
    stream.hears(VOICE, *[QUIET] * FORGET_FRAMES, VOICE, VOICE, VOICE)

    assert stream.utterances.audio == b"".join(frame(number) for number in range(9))


def test_utterance_is_bounded_and_says_so_once() -> None:
    stream = Stream(max_seconds=1)

    heard = stream.hears(*[VOICE] * 100)

    assert heard == [Onset(0), Confirmed(), Full()]
    assert len(stream.utterances.audio) <= 32_000
    assert stream.hears(QUIET) == [Silence(32)]


def test_hours_of_silence_keep_nothing_but_the_pre_roll() -> None:
    stream = Stream()
    for _ in range(100):
        stream.hears(*[QUIET] * 100)
    stream.hears(VOICE)

    assert len(stream.utterances.audio) == 300 * MS + FRAME_BYTES


@given(st.lists(st.integers(0, 3000), max_size=30))
def test_any_cut_of_the_stream_says_the_same(cuts: list[int]) -> None:
    likelihoods = [QUIET, VOICE, VOICE, VOICE, QUIET, QUIET, VOICE, VOICE, VOICE, QUIET, QUIET, QUIET]
    sound = b"".join(frame(number) for number in range(len(likelihoods)))
    whole, coming = Stream().hears(*likelihoods), iter(likelihoods)

    utterances = Utterances(lambda _: next(coming), 60)
    heard: list[Heard] = []
    for cut in cuts:
        heard += utterances.feed(sound[:cut])
        sound = sound[cut:]
    heard += utterances.feed(sound)

    assert heard == whole


@given(st.lists(st.sampled_from([QUIET, DIP, VOICE]), max_size=200))
def test_whatever_comes_is_told_in_an_order_that_makes_sense(likelihoods: list[float]) -> None:
    stream = Stream(max_seconds=2)
    follows = {
        Onset: (FalseAlarm, Confirmed),
        FalseAlarm: (Onset,),
        Confirmed: (Silence, Full),
        Silence: (Silence, Resumed, Full),
        Resumed: (Silence, Full),
        Full: (Silence, Resumed),
    }

    heard = stream.hears(*likelihoods)

    assert not heard or isinstance(heard[0], Onset)
    for before, after in pairwise(heard):
        assert isinstance(after, follows[type(before)])


@pytest.mark.parametrize("size", [1, 3, 1023])
def test_odd_bytes_wait_for_the_rest(size: int) -> None:
    utterances = Utterances(lambda _: VOICE, 60)

    assert utterances.feed(b"x" * size) == []
    assert utterances.feed(b"x" * (FRAME_BYTES - size)) == [Onset(0)]
