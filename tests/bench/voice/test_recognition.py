"""The report, made of transcripts that are known."""

from app.speech.base import Transcription
from bench.voice.corpus import Spoken, read_corpus
from bench.voice.recognition import Heard, report
from tests.support.clips import SPEECH, recording


def test_corpus_is_read_with_its_sound():
    corpus = read_corpus(SPEECH / "speech.json")

    assert [one.id for one in corpus if not one.text] == ["ruido"]
    assert next(one for one in corpus if one.id == "es_hora").pcm == recording("es_hora").pcm


def test_report_adds_up_words_languages_and_noise():
    es = Spoken("a", "qué hora es", "es", (), b"")
    en = Spoken("b", "what time is it", "en", (), b"", "telephone")
    noise = Spoken("c", "", "es", (), b"")

    printed = report(
        [
            Heard(es, Transcription("que ahora es", "es", 0.8), 2, 0.4, 0.3),
            Heard(en, Transcription("What time is it?", "es", 0.9), 2, 0.6, 0.3),
            Heard(noise, Transcription("gracias", "es", 0.9), 2, 9.0, 0.3),
        ]
    )

    assert "clean, es: word error rate 33.3% (1 of 3 words), language right in 1 of 1" in printed
    assert "telephone, en: word error rate 0.0% (0 of 4 words), language right in 0 of 1" in printed
    assert "noise: words heard in 1 of 1" in printed
    assert "wall p50 500 ms, p95 600 ms" in printed
