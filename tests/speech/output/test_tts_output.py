"""What a session says aloud: when it is sent, when it falls silent, and what of it was heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.errors import BadMessage, WorkerFailed
from app.protocol.events import AudioComplete, AudioFrame, AudioStarted, ErrorOccurred, PlaybackHint
from app.session.speech_output import HeardSpeech
from app.speech.output.tts_output import SpeechTarget, TtsOutput, VoiceChoice
from tests.support.virtual_time import virtual
from tests.support.voices import BYTES_PER_MS, MS_PER_WORD, RATE_HZ, CommaSplitter, WordySynthesiser, sound_of


class Stand:
    """A mouth and what it said."""

    def __init__(self, synthesiser: WordySynthesiser) -> None:
        self.said: list[Any] = []
        self.corrections: list[tuple[str, int]] = []
        self.synthesiser = synthesiser
        self.speech_output = TtsOutput(
            SpeechTarget("s1", self.said.append, lambda: "es", lambda turn_id: None),
            synthesiser,
            VoiceChoice(),
            CommaSplitter,
        )
        self.speech_output.on_correction = lambda turn_id, chars: self.corrections.append((turn_id, chars))

    @property
    def kinds(self) -> list[type]:
        return [type(event) for event in self.said]

    @property
    def sound(self) -> bytes:
        return b"".join(event.pcm for event in self.said if type(event) is AudioFrame)

    @property
    def sent_ms(self) -> float:
        return len(self.sound) / BYTES_PER_MS

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.said if type(event) is kind]


@asynccontextmanager
async def stand(delay_s: float = 0, **fails: Any) -> AsyncIterator[Stand]:
    stand = Stand(WordySynthesiser(delay_s, fails))
    try:
        yield stand
    finally:
        await stand.speech_output.aclose()
        await stand.synthesiser.aclose()


def words(text: str) -> bytes:
    return b"".join(map(sound_of, text.split()))


@virtual
async def test_answer_sounds_in_order_between_its_two_marks():
    async with stand() as s:
        s.speech_output.say("t1", "Hola, ")
        s.speech_output.say("t1", "Ana.")
        await s.speech_output.finish("t1")

        assert s.said[0] == AudioStarted("t1", RATE_HZ, 0)
        assert s.said[-1] == AudioComplete("t1")
        assert s.sound == words("Hola, Ana.")


@virtual
async def test_end_is_not_said_before_it_can_have_been_heard():
    async with stand() as s:
        s.speech_output.say("t1", "uno dos tres")
        await s.speech_output.finish("t1")

        assert asyncio.get_running_loop().time() == pytest.approx(3 * MS_PER_WORD / 1000, abs=0.01)


@virtual
async def test_sender_is_never_a_second_ahead_of_real_time():
    async with stand() as s:
        s.speech_output.say("t1", " ".join(["palabra"] * 30))
        s.speech_output.breathe("t1")
        for tenth in range(50):
            assert s.sent_ms <= tenth * 100 + 1000
            await asyncio.sleep(0.1)
        assert s.sent_ms >= 4900


@virtual
async def test_first_clause_sounds_before_the_second_is_there():
    async with stand() as s:
        s.speech_output.say("t1", "Claro, ")
        s.speech_output.say("t1", "son las")
        await asyncio.sleep(0.01)

        assert s.sound == words("Claro,")
        assert [speech.is_first for speech in s.synthesiser.asked] == [True]


@virtual
async def test_time_for_an_answer_that_is_cut_is_given_back():
    async with stand() as s:
        s.speech_output.say("t1", "uno dos tres")
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.3)
        assert s.synthesiser.given_up == []
        s.speech_output.cut("t1")

        assert s.synthesiser.given_up == ["s1"]


@virtual
async def test_before_a_tool_all_that_was_said_is_spoken():
    async with stand() as s:
        s.speech_output.say("t1", "Un momento")
        await asyncio.sleep(1)
        assert s.sound == b""

        s.speech_output.breathe("t1")
        await asyncio.sleep(1)
        assert s.sound == words("Un momento")


@virtual
async def test_text_without_sound_ends_without_marks():
    async with stand() as s:
        s.speech_output.say("t1", "   ")
        await s.speech_output.finish("t1")

        assert s.said == []


# Cut


@virtual
async def test_cut_turn_is_silent_at_once_and_was_heard_to_the_word():
    async with stand() as s:
        s.speech_output.say("t1", "uno dos tres cuatro, cinco")
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.5)

        heard = s.speech_output.cut("t1")
        before = s.sent_ms
        await asyncio.sleep(2)

        assert heard == HeardSpeech(len("uno dos"), can_change=True)
        assert s.sent_ms == before
        assert AudioComplete not in s.kinds


@virtual
async def test_turn_that_has_not_sounded_was_not_heard():
    async with stand(delay_s=1) as s:
        s.speech_output.say("t1", "uno, ")
        await asyncio.sleep(0.5)

        assert s.speech_output.cut("t1") == HeardSpeech(0)


@virtual
async def test_late_word_of_a_cut_turn_is_not_spoken():
    async with stand() as s:
        s.speech_output.say("t1", "uno, dos")
        s.speech_output.cut("t1")
        s.speech_output.say("t1", "tres, cuatro")
        await asyncio.sleep(2)

        assert s.said == []


@virtual
async def test_turn_without_sound_is_judged_by_its_text():
    async with stand() as s:
        assert s.speech_output.cut("t1") is None


@pytest.mark.parametrize(("late_s", "corrections"), [(0.4, [("t1", len("uno"))]), (0.6, [])])
def test_report_corrects_what_was_heard_for_half_a_second(late_s: float, corrections: list[Any]):
    @virtual
    async def run() -> None:
        async with stand() as s:
            s.speech_output.say("t1", "uno dos tres cuatro")
            s.speech_output.breathe("t1")
            await asyncio.sleep(0.65)
            s.speech_output.cut("t1")
            await asyncio.sleep(late_s)
            s.speech_output.report("t1", 210)

            assert s.corrections == corrections

    run()


@virtual
async def test_report_for_a_turn_that_was_never_spoken_is_a_mistake():
    async with stand() as s:
        with pytest.raises(BadMessage):
            s.speech_output.report("t9", 10)


@virtual
async def test_last_report_of_a_turn_that_has_ended_is_none():
    async with stand() as s:
        for turn_id in ("t1", "t2"):
            s.speech_output.say(turn_id, "uno")
            await s.speech_output.finish(turn_id)

        s.speech_output.report("t1", 10)


# The user speaks


@virtual
async def test_ducked_voice_sends_nothing_until_it_may_go_on():
    async with stand() as s:
        s.speech_output.say("t1", " ".join(["palabra"] * 20))
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.3)
        s.speech_output.duck()
        before = s.sent_ms
        await asyncio.sleep(3)
        assert s.sent_ms == before

        s.speech_output.go_on()
        await s.speech_output.finish("t1")

        assert s.of(PlaybackHint) == [PlaybackHint("t1", "duck"), PlaybackHint("t1", "resume")]
        assert s.sound == words(" ".join(["palabra"] * 20))


@virtual
async def test_voice_goes_on_at_the_place_that_the_client_reported():
    async with stand() as s:
        s.speech_output.say("t1", "uno dos tres cuatro cinco seis")
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.5)
        s.speech_output.duck()
        s.speech_output.report("t1", 400)
        await asyncio.sleep(1)
        sent = len(s.sound)

        s.speech_output.go_on()
        await s.speech_output.finish("t1")

        assert s.of(AudioStarted)[1:] == [AudioStarted("t1", RATE_HZ, 400)]
        assert s.sound[sent:] == words("tres cuatro cinco seis")


@virtual
async def test_voice_goes_on_where_the_client_threw_its_sound_away():
    async with stand() as s:
        s.speech_output.say("t1", "uno dos tres cuatro cinco seis")
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.5)
        s.speech_output.duck()
        s.speech_output.stopped("t1")
        await asyncio.sleep(1)
        sent = len(s.sound)

        s.speech_output.go_on()
        await s.speech_output.finish("t1")

        (again,) = s.of(AudioStarted)[1:]
        assert again.offset_ms == 500
        assert s.sound[sent:] == words("uno dos tres cuatro cinco seis")[500 * RATE_HZ * 2 // 1000 :]


@virtual
async def test_sound_that_the_client_threw_away_is_sent_anew_if_the_voice_goes_on_already():
    async with stand() as s:
        s.speech_output.say("t1", "uno dos tres cuatro cinco seis")
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.5)
        s.speech_output.duck()
        s.speech_output.go_on()
        sent = len(s.sound)
        s.speech_output.stopped("t1")
        await s.speech_output.finish("t1")
        s.speech_output.stopped("t1")  # it is over: nothing is to be done
        s.speech_output.stopped("t2")

        assert [started.offset_ms for started in s.of(AudioStarted)] == [0, 500]
        assert s.sound[sent:] == words("uno dos tres cuatro cinco seis")[500 * RATE_HZ * 2 // 1000 :]


@virtual
async def test_voice_that_has_not_begun_cannot_be_ducked_and_can_be_held():
    async with stand() as s:
        s.speech_output.hold(True)
        s.speech_output.say("t1", "uno, dos")
        s.speech_output.hold(True)
        s.speech_output.duck()
        await asyncio.sleep(2)
        assert s.said == []

        s.speech_output.hold(False)
        await s.speech_output.finish("t1")
        assert s.sound == words("uno, dos")


# The client leaves


@virtual
async def test_voice_waits_for_a_client_that_has_left_and_goes_on_after_its_last_report():
    async with stand() as s:
        s.speech_output.say("t1", "uno dos tres cuatro cinco seis")
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.3)
        s.speech_output.report("t1", 200)
        s.speech_output.client_left()
        sent = len(s.sound)
        await asyncio.sleep(20)
        assert len(s.sound) == sent

        s.speech_output.client_came()
        await s.speech_output.finish("t1")

        assert s.of(AudioStarted)[1:] == [AudioStarted("t1", RATE_HZ, 200)]
        assert s.sound[sent:] == words("dos tres cuatro cinco seis")


@virtual
async def test_voice_goes_on_behind_what_was_sent_for_a_client_that_has_moved():
    async with stand() as s:
        s.speech_output.client_moved()
        s.speech_output.say("t1", "uno dos tres cuatro cinco seis")
        s.speech_output.breathe("t1")
        await asyncio.sleep(0.3)
        s.speech_output.report("t1", 200)
        sent_ms = s.sent_ms

        s.speech_output.client_moved()
        await s.speech_output.finish("t1")
        s.speech_output.client_moved()

        assert s.of(AudioStarted)[1:] == [AudioStarted("t1", RATE_HZ, round(sent_ms))]
        assert s.sound == words("uno dos tres cuatro cinco seis")


@virtual
async def test_what_is_said_while_nobody_listens_is_spoken_when_somebody_does():
    async with stand() as s:
        s.speech_output.client_left()
        s.speech_output.say("t1", "uno, dos")
        await asyncio.sleep(5)
        assert s.said == []

        s.speech_output.client_came()
        await s.speech_output.finish("t1")
        assert s.sound == words("uno, dos")


# Faults


@virtual
async def test_synthesiser_that_fails_is_told_once_and_what_it_made_is_heard():
    async with stand(tres=WorkerFailed("gone")) as s:
        s.speech_output.say("t1", "uno dos, tres cuatro, cinco seis")
        await s.speech_output.finish("t1")

        assert s.sound == words("uno dos,")
        [error] = s.of(ErrorOccurred)
        assert (error.error.code, error.turn_id) == ("worker_failed", None)
        assert s.said[-1] == AudioComplete("t1")


@virtual
async def test_turn_whose_voice_failed_before_it_sounded_was_read():
    async with stand(uno=WorkerFailed("gone")) as s:
        s.speech_output.say("t1", "uno dos, tres")
        await asyncio.sleep(0.1)

        assert s.speech_output.cut("t1") is None


@virtual
async def test_next_turn_is_spoken_after_one_whose_voice_failed():
    async with stand(uno=WorkerFailed("gone")) as s:
        s.speech_output.say("t1", "uno dos")
        await s.speech_output.finish("t1")
        s.speech_output.say("t2", "tres")
        await s.speech_output.finish("t2")

        assert s.sound == words("tres")


@virtual
async def test_session_whose_sound_was_switched_off_is_silent():
    async with stand() as s:
        s.speech_output.set_on(False)
        s.speech_output.say("t1", "uno")
        await s.speech_output.finish("t1")

        assert s.said == []
