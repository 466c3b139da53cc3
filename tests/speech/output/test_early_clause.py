"""The sound of first words, made before it is known whether they will be said."""

import asyncio

from app.errors import WorkerFailed
from app.protocol.events import ErrorOccurred
from tests.speech.output.test_tts_output import stand, words
from tests.support.virtual_time import virtual
from tests.support.voices import sound_of


@virtual
async def test_rehearsed_clause_is_made_once_and_sounds_at_once():
    async with stand(delay_s=0.5) as s:
        s.speech_output.rehearse("Hola, ")
        s.speech_output.rehearse("Ana.", is_all=True)
        await asyncio.sleep(2)
        assert s.said == []

        s.speech_output.say("t1", "Hola, ")
        s.speech_output.say("t1", "Ana.")
        await asyncio.sleep(0.01)
        assert s.sound == words("Hola,")
        await s.speech_output.finish("t1")
        assert s.sound == words("Hola, Ana.")
        assert [speech.text for speech in s.synthesiser.asked] == ["Hola, ", "Ana."]


@virtual
async def test_clause_that_is_still_being_made_goes_on():
    async with stand(delay_s=0.5) as s:
        s.speech_output.rehearse("Hola Ana María.", is_all=True)
        await asyncio.sleep(0.7)
        s.speech_output.say("t1", "Hola Ana María.")
        await s.speech_output.finish("t1")

        assert s.sound == words("Hola Ana María.")
        assert len(s.synthesiser.asked) == 1


@virtual
async def test_other_words_are_made_anew_and_the_rehearsed_ones_given_up():
    async with stand(delay_s=0.5) as s:
        s.speech_output.rehearse("Hola Ana María.", is_all=True)
        await asyncio.sleep(0.7)
        s.speech_output.say("t1", "Adiós.")
        await s.speech_output.finish("t1")

        assert s.sound == words("Adiós.")
        assert s.synthesiser.open == 0


@virtual
async def test_words_that_will_not_be_said_are_forgotten():
    async with stand(delay_s=0.5) as s:
        s.speech_output.rehearse("Hola Ana.", is_all=True)
        await asyncio.sleep(0.1)
        s.speech_output.forget_rehearsed()
        await asyncio.sleep(0.1)

        assert (s.synthesiser.open, s.said, s.synthesiser.heard_in) == (0, [], [])


@virtual
async def test_answer_counts_once_when_its_first_sound_leaves():
    async with stand() as s:
        s.speech_output.rehearse("Hola Ana María.", is_all=True)
        await asyncio.sleep(0.1)
        s.speech_output.forget_rehearsed()
        s.speech_output.rehearse("Hola Ana.", is_all=True)
        await asyncio.sleep(0.1)
        assert s.synthesiser.heard_in == []
        s.speech_output.say("t1", "Hola Ana. Y Luz.")
        await s.speech_output.finish("t1")

        assert s.synthesiser.heard_in == ["s1"]


@virtual
async def test_time_for_words_that_will_not_be_said_is_given_back_at_once():
    async with stand() as s:
        s.speech_output.rehearse("Hola Ana.", is_all=True)
        await asyncio.sleep(0.1)
        assert s.synthesiser.given_up == []
        s.speech_output.forget_rehearsed()
        s.speech_output.forget_rehearsed()

        assert s.synthesiser.given_up == ["s1"]


@virtual
async def test_rehearsal_that_is_forgotten_before_it_began_asks_for_nothing():
    """Else its time would be promised after it was given back."""
    async with stand() as s:
        s.speech_output.rehearse("Hola Ana.", is_all=True)
        s.speech_output.forget_rehearsed()
        await asyncio.sleep(0.1)

        assert s.synthesiser.asked == []


@virtual
async def test_rehearsed_words_that_are_said_keep_their_time_also_after_another_turn():
    async with stand() as s:
        s.speech_output.say("t1", "Hola.")
        await s.speech_output.finish("t1")
        s.speech_output.rehearse("Las dos.", is_all=True)
        await asyncio.sleep(0.1)
        s.speech_output.say("t2", "Las dos.")
        await s.speech_output.finish("t2")
        s.speech_output.forget_rehearsed()

        assert s.sound == words("Hola. Las dos.")
        assert s.synthesiser.given_up == []


@virtual
async def test_other_voice_than_the_rehearsed_one_is_made_anew():
    async with stand() as s:
        s.speech_output.rehearse("Hola.", is_all=True)
        await asyncio.sleep(0.1)
        s.speech_output.choice.voice = "otra"
        s.speech_output.say("t1", "Hola.")
        await s.speech_output.finish("t1")

        assert [speech.voice for speech in s.synthesiser.asked] == ["", "otra"]


@virtual
async def test_rehearsal_that_failed_is_made_anew_without_a_word_of_it():
    failures = {"Hola.": WorkerFailed("gone")}
    async with stand() as s:
        s.synthesiser.fails = failures
        s.speech_output.rehearse("Hola.", is_all=True)
        await asyncio.sleep(0.1)
        s.synthesiser.fails = {}
        s.speech_output.say("t1", "Hola.")
        await s.speech_output.finish("t1")

        assert s.sound == sound_of("Hola.")
        assert s.of(ErrorOccurred) == []


@virtual
async def test_nothing_is_rehearsed_while_nobody_listens_or_nothing_is_spoken():
    async with stand() as s:
        s.speech_output.set_on(False)
        s.speech_output.rehearse("Hola.", is_all=True)
        s.speech_output.set_on(True)
        s.speech_output.client_left()
        s.speech_output.rehearse("Hola.", is_all=True)
        await asyncio.sleep(0.1)

        assert s.synthesiser.asked == []
