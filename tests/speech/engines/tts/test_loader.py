from importlib import import_module

from app.speech.engines.tts.loader import SYNTHESISERS, load_synthesiser
from tests.support.context import settings_with


async def test_none_is_none():
    assert await load_synthesiser(settings_with(tts_provider="none")) is None


def test_each_synthesiser_is_where_the_loader_looks():
    assert all(callable(import_module(name).load) for name in SYNTHESISERS.values())
