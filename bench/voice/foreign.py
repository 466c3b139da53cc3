"""What a television says in other languages, as espeak-ng says it: for `silent_talks` and `belief`."""

import asyncio
from collections.abc import Iterator
from typing import Final

import numpy as np

from app.speech.engines.worker_wire import Frame
from app.speech.engines.workers import WorkerPool
from app.speech.pcm import to_pcm
from bench.voice.corpus import Spoken
from bench.voice.make_corpus import at_ears_rate, espeak_pool, levelled

SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "fr": (
        "Bonsoir à tous, voici les titres de l'actualité.",
        "Il fera beau demain sur une grande partie du pays.",
        "Le président a reçu ce matin les représentants des syndicats.",
        "Et maintenant, une page de publicité.",
        "Nous revenons tout de suite après la pause, restez avec nous.",
        "Mais qu'est-ce que tu fais là ? Je croyais que tu étais parti.",
    ),
    "de": (
        "Guten Abend, meine Damen und Herren, hier sind die Nachrichten.",
        "Morgen wird es im Süden sonnig und warm.",
        "Die Regierung hat heute ein neues Gesetz beschlossen.",
        "Und jetzt zum Sport.",
        "Ich habe dir doch gesagt, dass du nicht kommen sollst.",
        "Bleiben Sie dran, wir sind gleich zurück.",
    ),
    "pt": (
        "Boa noite, estas são as notícias de hoje.",
        "Amanhã vai chover no norte do país.",
        "O governo anunciou hoje novas medidas para a saúde.",
        "E agora vamos ao intervalo, não saia daí.",
        "Eu não acredito que você fez isso comigo.",
        "O jogo começa às nove horas da noite no estádio.",
    ),
    "it": (
        "Buonasera, queste sono le notizie di oggi.",
        "Domani il tempo sarà bello su tutta la penisola.",
        "Il ministro ha detto che la legge passerà in autunno.",
        "Torniamo subito dopo la pubblicità.",
        "Non posso credere che tu abbia fatto una cosa del genere.",
        "La partita comincia alle nove di sera.",
    ),
    "nl": (
        "Goedenavond, dit is het nieuws van vandaag.",
        "Morgen wordt het zonnig met af en toe een bui.",
        "De regering heeft vandaag nieuwe maatregelen aangekondigd.",
        "Blijf kijken, we zijn zo terug.",
        "Ik heb je toch gezegd dat je niet moest komen.",
        "De wedstrijd begint om negen uur.",
    ),
    "ca": (
        "Bona nit, aquestes són les notícies d'avui.",
        "Demà plourà a tot el país i farà més fred.",
        "El govern ha aprovat avui una nova llei.",
        "Tornem de seguida després de la publicitat.",
        "No em puc creure que hagis fet això.",
        "El partit comença a les nou del vespre.",
    ),
    "pl": (
        "Dobry wieczór państwu, oto najważniejsze wiadomości.",
        "Jutro będzie słonecznie i ciepło w całym kraju.",
        "Rząd przyjął dzisiaj nową ustawę o podatkach.",
        "Wracamy zaraz po reklamach.",
        "Nie mogę uwierzyć, że to zrobiłeś.",
        "Mecz zaczyna się o dziewiątej wieczorem.",
    ),
    "ru": (
        "Добрый вечер, в эфире новости.",
        "Завтра будет солнечно и тепло по всей стране.",
        "Правительство приняло сегодня новый закон.",
        "Мы вернёмся сразу после рекламы.",
        "Я не могу поверить, что ты это сделал.",
        "Матч начинается в девять часов вечера.",
    ),
    "sv": (
        "God kväll, här är dagens nyheter.",
        "I morgon blir det soligt i hela landet.",
        "Regeringen har i dag beslutat om en ny lag.",
        "Vi är strax tillbaka efter reklamen.",
        "Jag kan inte tro att du gjorde det.",
        "Matchen börjar klockan nio i kväll.",
    ),
    "tr": (
        "İyi akşamlar, günün haberleriyle karşınızdayız.",
        "Yarın bütün yurtta hava güneşli olacak.",
        "Hükümet bugün yeni bir yasa kabul etti.",
        "Reklamlardan sonra hemen döneceğiz.",
        "Bunu yaptığına inanamıyorum.",
        "Maç akşam saat dokuzda başlıyor.",
    ),
}

VOICES: Final[dict[str, tuple[str, ...]]] = {
    **{name: (name, f"{name}+f2") for name in SENTENCES},
    "fr": ("fr", "fr-be+f3"),
    "pt": ("pt", "pt-br+f2"),
}
"""Of each language a man's and a woman's."""

_PACES: Final = (150, 175)
"""Words per minute of the two."""


async def foreign() -> list[Spoken]:
    """Each sentence by each voice; of no words that are ours, so with an empty text.

    Raises:
        NotAvailable: espeak-ng is not installed.
    """
    pool = await espeak_pool()
    try:
        return [await _said(pool, *one) for one in _all()]
    finally:
        await pool.aclose()


def _all() -> Iterator[tuple[str, int, str, str, int]]:
    for name, sentences in SENTENCES.items():
        for number, sentence in enumerate(sentences):
            for voice, pace in zip(VOICES[name], _PACES, strict=True):
                yield name, number, sentence, voice, pace


async def _said(pool: WorkerPool, name: str, number: int, sentence: str, voice: str, pace: int) -> Spoken:
    header = {"do": "speak", "voice": voice, "words_per_minute": pace}

    async def run() -> Frame:
        [frame] = [frame async for frame in pool.run(header, sentence.encode())]
        return frame

    reply, pcm = await asyncio.wait_for(run(), 60)
    sound = levelled(at_ears_rate(np.frombuffer(pcm, "<i2"), reply["rate_hz"]))
    return Spoken(f"{voice}/{number}", "", ("es", "en")[number % 2], (), to_pcm(sound), name)
