"""The foreign protocols beside v2: CPU per token, the first sound, and what a telephone's caller notices."""

import asyncio
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.speech.g711 import encoder
from app.speech.pcm import resampled
from bench.load import Client, LoadError, MetricsRecorder, connect
from bench.load_phone import ADDRESS, SECRET, Answer, PhoneClient, call, media
from bench.load_realtime import HearingRealtimeClient, HearingV2Client, RealtimeClient
from bench.load_v2 import V2Client
from bench.measure import GAP_US, OURS, Measured, cpu_run, percentile_ms, servers
from bench.measure_v2 import PairResult, pair_of
from bench.processes import Cores
from bench.spoken_server import HAS_EARS, WORD_MS
from bench.upstream import Order
from tests.support.recordings import recording

_SPOKEN: Final = {
    "DATABASE_URL": "none",
    "TWILIO_AUTH_TOKEN": SECRET,
    "PUBLIC_URL": ADDRESS,
    "ALLOWED_HOSTS": "bench.example",
    "PHONE_GREETING": "off",
    "MAX_TEXTS_PER_SESSION_HOUR": "100000",
}

_SETTLED_FRAMES: Final = 50
"""An answer's first frames are sent at once, ahead of what is heard; those behind them have their time."""

_VOICED: Final = 0.05
"""How loud a frame is that begins somebody's voice, beside the loudest."""

_SENTENCES: Final = ("es_calcula", "es_espera", "en_stop", "es_hora", "en_time", "es_barcelona")

_BARGE_IN_AFTER: Final = (0.15, 0.3)
"""Of an answer."""


@dataclass(frozen=True, slots=True)
class RealtimePlan:
    """How long to measure.

    Attributes:
        rounds: Pairs of v2 and Realtime.
        streams, tokens: Who reads in each, and how long an answer is.
        first_sounds: Answers heard on each of the two.
        calls: Telephone calls at once.
        words: Of each answer to a caller.
        answers: To each call.
        barge_ins: Of each call.
    """

    rounds: int = 10
    streams: int = 20
    tokens: int = 250
    first_sounds: int = 40
    calls: int = 20
    words: int = 70
    answers: int = 3
    barge_ins: int = 4


QUICK: Final = RealtimePlan(3, 20, 60, 10, 20, 70, 1, 1)


@dataclass(frozen=True, slots=True)
class FirstSoundResult:
    """From a text to the first sound of its answer, in milliseconds: medians, and of the differences."""

    turns: int
    v2_ms: float
    realtime_ms: float
    later_ms: float


@dataclass(frozen=True, slots=True)
class PhoneResult:
    """What callers notice.

    Attributes:
        jitter_p50_ms, jitter_p99_ms: How far frames come from their time, 20 ms apart.
        held_least_ms: The least sound that any phone held while an answer was still being sent.
        own_p99_ms: How late the callers' own frames were: as far as they were, the rest says nothing.
        clear_p50_ms, clear_p90_ms, clear_highest_ms: From the first frame of the caller's voice to `clear`.
        server_load: Share of its core that the server was busy, while all heard an answer.
        has_ears: Whether voices were found by the real model.
    """

    calls: int
    frames: int
    jitter_p50_ms: float
    jitter_p99_ms: float
    own_p99_ms: float
    held_least_ms: float
    barge_ins: int
    clear_p50_ms: float
    clear_p90_ms: float
    clear_highest_ms: float
    server_load: float
    has_ears: bool


@dataclass(frozen=True, slots=True)
class RealtimeResult:
    """All of it."""

    pair: PairResult
    first_sound: FirstSoundResult
    phone: PhoneResult


async def measure_realtime(plan: RealtimePlan, cores: Cores) -> RealtimeResult:
    """Measures all of it; on the way from one to the next nothing is started anew that need not be."""
    pair = await _pair(plan, cores)
    spoken = Measured(("-m", "bench.spoken_server", "--words", str(plan.words)), _SPOKEN)
    async with servers(cores, spoken) as (server,):
        first = await _first_sounds(server.port, plan.first_sounds)
        phone = await _phone(server.port, plan, server.cpu_s)
    return RealtimeResult(pair, first, phone)


async def _pair(plan: RealtimePlan, cores: Cores) -> PairResult:
    streams, tokens = plan.streams, plan.tokens
    kinds: tuple[Callable[[MetricsRecorder], Client], ...] = (V2Client, RealtimeClient)
    costs: list[list[float]] = [[], []]
    async with servers(cores, OURS) as (server,):
        for kind in kinds:
            await cpu_run(server, streams, Order(25, GAP_US), kind)
        for number in range(plan.rounds):
            for place in (number % 2, 1 - number % 2):
                run = await cpu_run(server, streams, Order(tokens, GAP_US), kinds[place])
                costs[place].append(run.us_per_token)
    return pair_of(streams, *costs)


async def _first_sounds(port: int, turns: int) -> FirstSoundResult:
    """Has the same short answers read aloud to one client of each, in turns."""
    order = Order(4, 5000)
    v2, realtime = HearingV2Client(MetricsRecorder()), HearingRealtimeClient(MetricsRecorder())
    for client in (v2, realtime):
        await connect(port, client)
        await client.ask(order)
    for number in range(turns):
        for client in (v2, realtime) if number % 2 else (realtime, v2):
            await client.ask(order)
    for client in (v2, realtime):
        client.close()
    pairs = list(zip(v2.first_sound_ns[1:], realtime.first_sound_ns[1:], strict=True))
    later = statistics.median(other - one for one, other in pairs)
    each = [statistics.median(found) / 1e6 for found in zip(*pairs, strict=True)]
    return FirstSoundResult(turns, each[0], each[1], later / 1e6)


async def _phone(port: int, plan: RealtimePlan, cpu_s: Callable[[], float]) -> PhoneResult:
    said = [_sentence(name) for name in _SENTENCES]
    calls = [await call(port, number) for number in range(plan.calls)]
    for client in calls:
        client.begins()
        await asyncio.sleep(0.02 / plan.calls)
    loop = asyncio.get_running_loop()
    loads: list[float] = []
    for _ in range(plan.answers):
        for client in calls:
            client.says(*said[0])
        await _until(calls, lambda client: client.is_hearing)
        before, began = cpu_s(), loop.time()
        await _until(calls, lambda client: not client.is_hearing)
        loads.append((cpu_s() - before) / (loop.time() - began))
    answers = [
        answer for client in calls for answer in client.answers if len(answer.came_ns) > 2 * _SETTLED_FRAMES
    ]
    chance = random.Random(1)
    await asyncio.gather(*(_interrupt(client, plan, chance, said) for client in calls))
    cleared = [ns for client in calls for ns in client.clear_ns]
    for client in calls:
        client.hangs_up()
    late = [ns for answer in answers for ns in _jitter(answer)]
    return PhoneResult(
        plan.calls,
        len(late),
        percentile_ms(late, 50),
        percentile_ms(late, 99),
        percentile_ms([ns for client in calls for ns in client.late_ns], 99),
        20 * min(min(answer.held[:-_SETTLED_FRAMES]) for answer in answers),
        len(cleared),
        percentile_ms(cleared, 50),
        percentile_ms(cleared, 90),
        percentile_ms(cleared, 100),
        statistics.median(loads),
        HAS_EARS,
    )


def _sentence(name: str) -> tuple[list[bytes], int]:
    """A sentence in telephone sound, frame by frame, and the frame in which its voice begins."""
    pcm = resampled(recording(name), 16_000, 8000)
    samples = np.frombuffer(pcm, "<i2")[: len(pcm) // 320 * 160].astype(float).reshape(-1, 160)
    loudness = np.sqrt((samples**2).mean(axis=1))
    onset = int(np.argmax(loudness > _VOICED * loudness.max()))
    codes = encoder("mulaw")(pcm)
    return [media(codes[at : at + 160]) for at in range(0, len(codes) - 159, 160)], onset


async def _interrupt(
    client: PhoneClient, plan: RealtimePlan, chance: random.Random, said: list[tuple[list[bytes], int]]
) -> None:
    """Has an answer begin, and speaks over it, again and again."""
    client.says(*said[0])
    for number in range(1, plan.barge_ins + 1):
        await _until([client], lambda one: one.is_hearing)
        await asyncio.sleep(chance.uniform(*_BARGE_IN_AFTER) * plan.words * WORD_MS / 1000)
        client.says(*chance.choice(said), over_it=True)
        await _until([client], lambda one, number=number: len(one.clear_ns) >= number)
    await asyncio.sleep(3)


async def _until(calls: Sequence[PhoneClient], is_so: Callable[[PhoneClient], bool]) -> None:
    """Waits until something is so for all calls.

    Raises:
        LoadError: One has ended.
    """
    async with asyncio.timeout(60):
        while not all(map(is_so, calls)):
            if ends := [client.end for client in calls if client.has_lost]:
                raise LoadError(f"a call was ended: {ends[0]}")
            await asyncio.sleep(0.05)


def _jitter(answer: Answer) -> list[int]:
    """How far each frame came from where the answer's others say it should, in nanoseconds."""
    offsets = [came - 20_000_000 * number for number, came in enumerate(answer.came_ns)][_SETTLED_FRAMES:]
    middle = statistics.median_low(offsets)
    return [abs(offset - middle) for offset in offsets]
