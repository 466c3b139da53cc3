"""The guard lets through public servers, and those that the operator named."""

import pytest

from app.tools.support.destination_guard import DestinationGuard, Forbidden
from app.tools.support.name_lookup import LookupFailed
from app.tools.support.web_address import parse_web_address
from tests.tools.support.stand_in import ScriptedResolver, nobody


async def ask(url: str, *allowed: str, **names: list[str]) -> tuple[str, ...]:
    resolver = ScriptedResolver({name.replace("_", "."): [answers] for name, answers in names.items()})
    return await DestinationGuard(resolver, nobody, allowed).addresses_of(parse_web_address(url))


async def test_a_public_name_gives_all_its_addresses():
    assert await ask("http://a.example/", a_example=["8.8.8.8", "2606:4700::1"]) == (
        "8.8.8.8",
        "2606:4700::1",
    )


@pytest.mark.parametrize("answers", [["10.0.0.1"], ["8.8.8.8", "::1"], ["fe80::1%eth0"], ["nonsense"], []])
async def test_one_address_that_is_not_public_closes_the_whole_name(answers: list[str]):
    with pytest.raises(Forbidden):
        await ask("http://a.example/", a_example=answers)


async def test_a_name_that_does_not_exist_is_told_like_a_forbidden_one():
    with pytest.raises(Forbidden):
        await ask("http://a.example/")


async def test_a_name_server_that_does_not_answer_is_no_refusal():
    async def no_answer(host: str) -> list[str]:
        raise LookupFailed(is_final=False)

    with pytest.raises(LookupFailed):
        await DestinationGuard(no_answer, nobody).addresses_of(parse_web_address("http://a.example/"))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:9000/", "127.0.0.1:9000"),
        ("http://127.0.0.1:9001/", "127.0.0.1"),
        ("http://[::1]:9000/", "[::1]:9000"),
        ("http://[::1]/", "[0:0:0:0:0:0:0:1]"),
        ("http://redis/", "REDIS"),
        ("http://redis/", "redis:80"),
        ("https://redis/", "redis:443"),
    ],
)
async def test_an_exception_holds_for_its_host_and_port(url: str, allowed: str):
    assert await ask(url, allowed, redis=["10.0.0.1"])


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:9001/", "127.0.0.1:9000"),
        ("http://127.0.0.2/", "127.0.0.1"),
        ("http://a.redis.example/", "redis.example"),
        ("http://redis.example/", "10.0.0.1"),
        ("http://[::1]/", "::1"),
        ("http://[::1]:8000/", "[::1]:80000"),
        ("http://10.0.0.1/", "10.0.0.0/8"),
    ],
)
async def test_an_exception_holds_for_nothing_else(url: str, allowed: str):
    with pytest.raises(Forbidden):
        await ask(url, allowed, redis_example=["10.0.0.1"], a_redis_example=["10.0.0.1"])
