"""Recognition and speech on the same cores: what is waited for goes first."""

import asyncio

from app.speech.engines.core_sharing import Haste
from tests.support.virtual_time import virtual


@virtual
async def test_calm_comes_when_the_last_user_is_understood():
    haste, loop = Haste(), asyncio.get_running_loop()

    async def hears(seconds: float) -> None:
        with haste.hearing():
            await asyncio.sleep(seconds)

    passes = [asyncio.create_task(hears(seconds)) for seconds in (0.2, 0.5)]
    await asyncio.sleep(0)
    start = loop.time()
    await haste.calm(9)

    assert loop.time() - start == 0.5
    await haste.calm(9)
    assert loop.time() - start == 0.5
    await asyncio.gather(*passes)


@virtual
async def test_nobody_gives_way_for_longer_than_they_can():
    haste, loop = Haste(), asyncio.get_running_loop()
    with haste.hearing():
        start = loop.time()
        await haste.calm(0.3)

        assert loop.time() - start == 0.3


def test_sound_is_needed_as_long_as_one_listener_waits():
    haste = Haste()
    with haste.speaking():
        with haste.speaking():
            pass
        assert haste.is_speaking
    assert not haste.is_speaking
