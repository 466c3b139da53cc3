"""Requests for `placeholder_api_call`: «prueba una llamada lenta de 10 segundos»."""

import re

from app.llm.demo.asks import Ask
from app.llm.demo.numbers import number_at
from app.llm.demo.text import Utterance

MAX_DELAY_S = 25.0
"""A longer wait is cut to this, so that it ends before the tool's own limit."""

MAX_CALLS = 8
"""More at once than this are not asked for."""

_SLOW = (
    r"(?:lent[oa]s?|larg[oa]s?|pesad[oa]s?|slow|sluggish|long(?:[- ]running)?|lengthy|slowly"
    r"|tard[ao]n?a?s?|demorad[oa])"
)
_FAKE = (
    r"(?:de (?:prueba|pruebas|ejemplo|mentira|juguete|test|demostracion|placeholder|relleno"
    r"|pega)|fals[oa]s?|fictici[oa]s?|simulad[oa]s?|inventad[oa]s?"
    r"|placeholder|fake|mock|mocked|dummy|test|testing|simulated|pretend|sample|example|demo|stub|bogus)"
)
_CALL = (
    r"(?:llamad\w*|llamar|peticion\w*|operacion\w*|tareas?|procesos?|trabajos?|consultas?"
    r"|solicitud\w*|apis?|servicios?|integracion\w*|herramientas?|endpoints?"
    r"|calls?|requests?|operations?|tasks?|jobs?|process(?:es)?|tools?|services?"
    r"|integrations?|query|queries|algo|something|work|cosa|thing)"
)
_SIMULATE = r"(?:simul\w+|finge|fingir|imita|emula\w*|emulate|pretend|mimic|fake)"
_UNIT = re.compile(
    r"(?:\s*|-)(?:(?P<s>s|seg|segs|sec|secs|segundos?|seconds?|segundito\w*)|(?P<m>m|min|mins"
    r"|minutos?|minutes?|minutito\w*)|(?P<ms>ms|milisegundos?|milliseconds?)"
    r")\b(?P<half> y medio| and a half)?"
)
_HALF_MINUTE = re.compile(r"\b(?:medio minuto|half (?:a )?minute)\b")
_COUPLE = re.compile(r"\b(?:un par de|a couple of|a couple) (?:segundos|seconds)\b")
_ONE = re.compile(
    r"\b(?:un|one|a) (?:segundo|second)\b(?P<half> y medio| and a half)?"
    r"|\bone and a half seconds?\b"
)
_MINUTE = re.compile(r"\b(?:un|one|a) (?:minuto|minute)\b")
_ASKED = re.compile(
    rf"\b{_CALL} (?:\w+ ){{0,3}}?(?:{_SLOW}|{_FAKE})\b|\b(?:{_SLOW}|{_FAKE})[ -](?:\w+ ){{0,2}}?{_CALL}\b"
    rf"|\b{_SIMULATE}\b.{{0,80}}\b(?:{_CALL}|{_SLOW}|espera|demora|retraso|retardo|latencia|delay|wait|latency)\b"
    rf"|\b{_CALL}\b.{{0,80}}\b(?:que (?:tarde|dure|demore|tarda|dura|demora|lleve)|tardando|(?:that "
    rf"|which )?(?:takes?|lasts?|taking|lasting))\b"
    r"|\bplaceholder\b|\b(?:segundo plano|background) (?:task|job|call|work)\b"
    rf"|\b{_CALL}\b.{{0,80}}\b(?:en|in the) (?:segundo plano|background)\b"
)
_TIMED_CALL = re.compile(
    r"\b(?:prueba|probar|haz|hacer|hagas|lanza|lanzar|ejecuta|ejecutar|inicia|arranca|dame"
    r"|quiero|pon|try|make|do|start|run|launch|begin|kick"
    rf"|test|fire|give me|want)\b(?: \w+){{0,3}}?[ \d]*[ -](?:\w+ ){{0,3}}?{_CALL}\b"
)
_ANOTHER = re.compile(r"^\W*(?:(?:y|and|luego|then)\W+)?(?:otr[ao]s?|another|one|una|un)\b")
_WAIT = re.compile(
    r"\b(?:espera(?:te|r|me)?|hold|stand by|aguarda\w*|duerme|pausa|wait|sleep|pause"
    r"|tarda(?:r|te)?|demora(?:r|te)?|take|hang on|delay|retras\w+|retardo)\b"
)


def read(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """Whether a piece of text wants the test call, how often, and how long each is to take; empty if not."""
    delays = delays_in(said)
    waits = delays and (
        _TIMED_CALL.search(said.plain)
        or _WAIT.search(said.plain)
        or re.search(rf"\b{_SIMULATE}\b", said.plain)
    )
    if not (forced or waits or _ASKED.search(said.plain)):
        return []
    if len(delays) <= 1:
        return [_ask(delays[0] if delays else None)] * _how_many(said.plain)
    return [_ask(delay_s) for delay_s in delays]


def read_more(said: Utterance) -> list[Ask]:
    """Further test calls behind one: «otra de 8 segundos»."""
    delays = delays_in(said)
    return [_ask(delay_s) for delay_s in delays] if delays and _ANOTHER.search(said.plain) else []


def _ask(delay_s: float | None) -> Ask:
    return Ask("placeholder_api_call", {} if delay_s is None else {"delay_s": delay_s})


def _how_many(plain: str) -> int:
    """How many calls are wanted at once: «tres llamadas lentas»."""
    for match in re.finditer(r"\b[a-z\d]+", plain):
        number = number_at(plain, match.start())
        if number is None or not number.text.isdigit() or _UNIT.match(plain, number.end):
            continue
        if re.compile(rf"\s+(?:\w+ )?{_CALL}\b").match(plain, number.end):
            return min(max(int(number.text), 1), MAX_CALLS)
    return 1


def delays_in(said: Utterance) -> list[float]:
    """The durations that a text names, each in seconds and at most `MAX_DELAY_S`."""
    named = _named_duration(said.plain)
    found = [named] if named is not None else _counted_durations(said.plain)
    limited = [min(seconds, MAX_DELAY_S) for seconds in found]
    return [int(seconds) if seconds == int(seconds) else seconds for seconds in limited]


def _named_duration(plain: str) -> float | None:
    if _HALF_MINUTE.search(plain):
        return 30.0
    if _COUPLE.search(plain):
        return 2.0
    if match := _ONE.search(plain):
        return 1.5 if "medio" in match[0] or "half" in match[0] else 1.0
    return 60.0 if _MINUTE.search(plain) else None


def _counted_durations(plain: str) -> list[float]:
    found: list[float] = []
    waiting: list[float] = []  # Numbers that still look for their unit: «5, 10 y 15 segundos».
    end = 0
    for match in re.finditer(r"(?<![a-z\d.,])[a-z\d.]", plain):
        number = number_at(plain, match.start()) if match.start() >= end else None
        amount = _amount(number.text) if number else None
        if number is None or amount is None:
            continue
        end = number.end
        unit = _UNIT.match(plain, end)
        if unit:
            factor = 60 if unit["m"] else 0.001 if unit["ms"] else 1
            amount += 0.5 if unit["half"] else 0
            found += [each * factor for each in (*waiting, amount)]
            waiting = []
        else:
            waiting = [*waiting, amount] if re.match(r"\s*(?:,|y\b|and\b)", plain[end:]) else []
    return found


def _amount(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
