"""The client against good servers, bad servers and none."""

import asyncio
import gzip
import socket
import ssl
from typing import Any

import pytest

from app.tools.support.destination_guard import DestinationGuard
from app.tools.support.name_lookup import LookupFailed
from app.tools.support.public_http import (
    FetchedResponse,
    HostUnreachable,
    Network,
    NoAnswer,
    PublicClient,
    RequestRefused,
    TooManyRedirects,
    TooSlow,
    Untrusted,
)
from app.tools.support.public_request import PublicRequest
from app.tools.support.web_address import parse_web_address
from tests.tools.support.stand_in import (
    Authority,
    Handler,
    RecordingBackend,
    ScriptedResolver,
    Site,
    answering,
    read_request,
    response,
    serving,
)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


async def fetch(
    url: str, network: Network | None = None, *, method: str = "GET", time_limit_s: float = 5
) -> FetchedResponse:
    network = network or Network()
    client = PublicClient(
        network, DestinationGuard(network.resolve, network.is_own, ("127.0.0.1",)), limit=1000
    )
    return await client.fetch(PublicRequest(method, parse_web_address(url)), time_limit_s)


async def ask(handler: Handler, **options: Any) -> FetchedResponse:
    async with serving(handler) as port:
        return await fetch(f"http://127.0.0.1:{port}/", **options)


class Endless:
    """Sends a body without an end; notes when the client has had enough."""

    def __init__(self) -> None:
        self.hung_up = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        finally:
            self.hung_up.set()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.02)


async def dripping_its_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.02)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


# Bad servers


async def test_no_more_is_read_of_an_endless_body_than_is_kept():
    server = Endless()

    async with serving(server) as port:
        answer = await fetch(f"http://127.0.0.1:{port}/")
        await server.hung_up.wait()

    assert (len(answer.body.content), answer.body.is_truncated) == (1000, True)


async def test_a_dripping_body_is_cut_when_the_time_is_over():
    started = asyncio.get_running_loop().time()

    answer = await ask(dripping, time_limit_s=0.3)

    assert asyncio.get_running_loop().time() - started < 1.5
    assert answer.body.problem == "slow"
    assert 0 < len(answer.body.content) < 1000


@pytest.mark.parametrize("server", [silent, dripping_its_head])
async def test_a_server_that_never_begins_its_answer_is_too_slow(server: Handler):
    with pytest.raises(TooSlow) as failure:
        await ask(server, time_limit_s=0.2)

    assert failure.value.may_have_acted


async def test_less_than_was_announced_is_a_broken_body():
    answer = await ask(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort"))

    assert (answer.body.content, answer.body.problem) == (b"short", "broken")


async def test_more_than_was_announced_is_not_looked_at():
    answer = await ask(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more"))

    assert (answer.body.content, answer.body.problem) == (b"ok", None)


async def test_a_gzip_bomb_is_cut_at_the_limit():
    bomb = gzip.compress(bytes(50_000_000))

    answer = await ask(answering(response(body=bomb, content_encoding="gzip")))

    assert (len(answer.body.content), answer.body.is_truncated) == (1000, True)


async def test_ten_thousand_headers_are_no_answer():
    head = "".join(f"X-{n}: {'y' * 20}\r\n" for n in range(10_000))

    with pytest.raises(NoAnswer):
        await ask(answering(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode()))


@pytest.mark.parametrize("raw", [b"", b"\0\1\2\3", b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", b"SSH-2.0-x\r\n"])
async def test_what_is_no_http_is_no_answer(raw: bytes):
    with pytest.raises(NoAnswer):
        await ask(answering(raw))


async def test_a_connection_that_is_reset_is_no_answer():
    with pytest.raises(NoAnswer) as failure:
        await ask(answering(b"", abort=True))

    assert failure.value.may_have_acted


async def test_a_closed_port_is_unreachable():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

        with pytest.raises(HostUnreachable) as failure:
            await fetch(f"http://127.0.0.1:{port}/")

    assert not failure.value.may_have_acted


async def test_nothing_stays_open_when_the_caller_gives_up():
    arrived, left = asyncio.Event(), asyncio.Event()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()
        left.set()

    async with serving(server) as port:
        fetching = asyncio.create_task(fetch(f"http://127.0.0.1:{port}/"))
        await arrived.wait()
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)

        await asyncio.wait_for(left.wait(), 2)


# Redirects


async def test_five_redirects_are_followed_and_counted():
    site = Site([*(response(302, location=f"/{n}") for n in range(5)), response(body=b"there")])

    answer = await ask(site)

    assert (answer.status, answer.redirects, answer.url.target) == (200, 5, "/4")


async def test_a_redirect_loop_ends_at_the_sixth():
    site = Site([response(302, location="/again")])

    with pytest.raises(TooManyRedirects):
        await ask(site)

    assert len(site.requests) == 6


async def test_a_redirect_without_a_location_is_an_answer():
    assert (await ask(answering(response(302, b"nowhere")))).body.content == b"nowhere"


async def test_a_failure_after_a_redirect_says_that_the_first_server_may_have_acted():
    site = Site([response(303, location="http://nowhere.example/")])
    async with serving(site) as port:
        network = Network(ScriptedResolver({"a.example": [["8.8.8.8"]]}), RecordingBackend(port))

        with pytest.raises(Exception) as failure:
            await fetch("http://a.example/", network, method="POST")

    assert failure.value.may_have_acted


# Addresses and names


async def test_the_next_address_is_tried_when_one_is_dead():
    async with serving(Site()) as port:
        backend = RecordingBackend(port, dead=("2606:4700::1",))
        network = Network(ScriptedResolver({"a.example": [["2606:4700::1", "8.8.8.8"]]}), backend)

        answer = await fetch("http://a.example/", network)

    assert answer.status == 200
    assert backend.contacts == [("2606:4700::1", 80), ("8.8.8.8", 80)]


async def test_not_more_than_four_addresses_are_tried():
    addresses = [f"8.8.8.{n}" for n in range(9)]
    backend = RecordingBackend(dead=tuple(addresses))

    with pytest.raises(HostUnreachable):
        await fetch("http://a.example/", Network(ScriptedResolver({"a.example": [addresses]}), backend))

    assert len(backend.contacts) == 4


async def test_the_server_hears_the_name_and_not_the_address():
    site = Site()
    async with serving(site) as port:
        network = Network(ScriptedResolver({"a.example": [["8.8.8.8"]]}), RecordingBackend(port))

        await fetch("http://a.example:8080/x", network)

    assert site.requests[0].headers["host"] == "a.example:8080"


async def test_a_name_server_that_does_not_answer_makes_the_site_unreachable():
    async def no_answer(host: str) -> list[str]:
        raise LookupFailed(is_final=False)

    with pytest.raises(HostUnreachable):
        await fetch("http://a.example/", Network(no_answer))


async def test_a_look_up_counts_against_the_time_limit():
    async def never(host: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(TooSlow) as failure:
        await fetch("http://a.example/", Network(never), time_limit_s=0.05)

    assert not failure.value.may_have_acted


# TLS


def secure_network(tls_port: int, trust: ssl.SSLContext) -> Network:
    return Network(
        ScriptedResolver({"a.example": [["8.8.8.8"]]}), RecordingBackend(0, tls_port), lambda: trust
    )


async def test_tls_is_spoken_with_the_name(authority: Authority):
    heard: list[str | None] = []
    certificate = authority.server_context("a.example")
    certificate.sni_callback = lambda _socket, name, _context: heard.append(name)

    async with serving(Site(), certificate) as port:
        answer = await fetch("https://a.example/", secure_network(port, authority.trust))

    assert answer.status == 200
    assert heard == ["a.example"]


async def test_a_body_over_tls_is_cut_too(authority: Authority):
    server = Endless()

    async with serving(server, authority.server_context("a.example")) as port:
        answer = await fetch("https://a.example/", secure_network(port, authority.trust))
        await server.hung_up.wait()

    assert (len(answer.body.content), answer.body.problem) == (1000, None)


@pytest.mark.parametrize("certified", ["b.example", "8.8.8.8"])
async def test_a_certificate_of_another_name_is_not_trusted(authority: Authority, certified: str):
    site = Site()
    async with serving(site, authority.server_context(certified)) as port:
        with pytest.raises(Untrusted) as failure:
            await fetch("https://a.example/", secure_network(port, authority.trust), method="POST")

    assert site.requests == []
    assert not failure.value.may_have_acted


async def test_a_certificate_that_nobody_has_signed_is_not_trusted_by_the_real_network(authority: Authority):
    site = Site()
    async with serving(site, authority.server_context("127.0.0.1")) as port:
        with pytest.raises(Untrusted):
            await fetch(f"https://127.0.0.1:{port}/")

    assert site.requests == []


async def test_a_port_that_speaks_no_tls_is_not_trusted(authority: Authority):
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(400))

    async with serving(plain) as port:
        with pytest.raises(Untrusted):
            await fetch("https://a.example/", secure_network(port, authority.trust))


# Redirects


def moved(location: str, *fields: str) -> bytes:
    lines = ["HTTP/1.1 302 Found", f"Location: {location}", *fields, "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


async def through(*answers: bytes, headers: tuple[tuple[str, str], ...] = ()) -> tuple[FetchedResponse, Site]:
    site = Site([*answers])
    async with serving(site) as port:
        network = Network()
        guard = DestinationGuard(network.resolve, network.is_own, ("127.0.0.1",))
        url = parse_web_address(f"http://127.0.0.1:{port}/start")
        answer = await PublicClient(network, guard, limit=1000).fetch(PublicRequest("GET", url, headers), 5)
    return answer, site


async def test_a_cookie_wall_is_passed():
    answer, site = await through(
        moved("/start", "Set-Cookie: wall=1; Path=/", "Set-Cookie: other=2"),
        moved("/start?again", "Set-Cookie: wall=3; Path=/"),
        response(body=b"in"),
    )

    assert answer.body.content == b"in"
    assert [request.headers.get("cookie") for request in site.requests] == [
        None,
        "wall=1; other=2",
        "wall=3; other=2",
    ]


async def test_a_cookie_of_the_models_own_goes_with_the_sites():
    _, site = await through(
        moved("/start", "Set-Cookie: wall=1"), response(), headers=(("Cookie", "mine=0"), ("Accept", "*/*"))
    )

    assert [request.headers["cookie"] for request in site.requests] == ["mine=0", "mine=0; wall=1"]


async def test_a_cookie_goes_to_no_other_host():
    site = Site([moved("http://b.example/x", "Set-Cookie: wall=1; Path=/; Domain=example"), response()])
    names = ScriptedResolver({"a.example": [["8.8.8.8"]], "b.example": [["8.8.4.4"]]})
    async with serving(site) as port:
        network = Network(names, RecordingBackend(port))
        guard = DestinationGuard(network.resolve, network.is_own)
        request = PublicRequest("GET", parse_web_address("http://a.example/"))
        await PublicClient(network, guard, limit=1000).fetch(request, 5)

    assert [request.headers["host"] for request in site.requests] == ["a.example", "b.example"]
    assert "cookie" not in site.requests[1].headers


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/a b", "/a%20b"),
        ("  /ab ", "/ab"),
        ("x/../y", "/y"),
        ("?q=a b", "/start?q=a%20b"),
        ("/café", "/caf%C3%A9"),
        ("/a\\b", "/a/b"),
    ],
)
async def test_a_location_is_followed_as_browsers_do(location: str, target: str):
    _, site = await through(moved(location), response())

    assert site.requests[1].target == target


async def test_a_redirect_that_names_no_place_is_the_answer():
    answer, site = await through(moved(""))

    assert (answer.status, len(site.requests)) == (302, 1)


async def test_the_same_location_twice_is_one_and_two_are_none():
    _, site = await through(moved("/a", "Location: /a"), response())
    assert site.requests[1].target == "/a"

    with pytest.raises(RequestRefused):
        await through(moved("/a", "Location: /b"))
