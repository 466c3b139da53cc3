"""The measurement of whole spoken talks, against a server in a world where words are levels of sound."""

from dataclasses import dataclass

from app.errors import Locale
from bench.voice.talks import Figures, measure
from tests.e2e.test_speech import talking
from tests.support.ears import silence
from tests.support.scripted import says


@dataclass
class One:
    id: str
    text: str
    pcm: bytes
    language: Locale = "es"
    kind: str = "clean"


async def test_each_group_has_its_figures() -> None:
    long = says(" ".join(["palabra"] * 40))
    script = [says("Sí."), long, long, says("Dime.")]
    async with talking(*script, max_messages_per_s=1000, max_messages_burst=1000) as (server, world):
        sound = world.vocabulary.sound
        corpus = [
            One("a", "hola.", sound("hola.")),
            One("b", "", silence(500)),
            One("c", "sí", sound("sí")),
            One("d", "para.", sound("para.")),
        ]
        groups = {"a": "sentence v es", "b": "noise", "c": "assent v es", "d": "interruption v es"}
        found = await measure(server.url, corpus, groups, most=5)

    figures = {name.split()[0]: each for name, each in found.items()}
    assert len(figures["sentence"].transcripts_s) == len(figures["sentence"].sounds_s) == 1
    assert (figures["sentence"].errors.count, figures["sentence"].errors.words) == (0, 1)
    assert (figures["noise"].false_turns, round(figures["noise"].noise_s, 1)) == (0, 0.5)
    assert (figures["assent"].assents, figures["assent"].stopped) == (1, 0)
    assert (figures["interruption"].interruptions, figures["interruption"].missed) == (1, 0)
    assert all(figures[name].as_lines() for name in figures)


def test_nothing_measured_is_nothing_said() -> None:
    assert Figures().as_lines() == []
