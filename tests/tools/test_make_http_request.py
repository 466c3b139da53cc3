"""What make_http_request sends, refuses and tells."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.tools import make_http_request
from app.tools.base import ToolError
from tests.support.context import arguments_of, settings_with, tool_context
from tests.tools.ssrf_case import CASES_FILE, PUBLIC, Case, allowed_contacts, play, read_cases
from tests.tools.support.stand_in import Authority, Handler, Request, Site, answering, response, serving

TOOL = make_http_request.run
REFUSAL = {
    "es": "No he hecho esa petición: la URL no es válida, no existe o no está permitida. Solo puedo visitar "
    "sitios públicos por http o https, sin usuario ni contraseña en la URL.",
    "en": "I did not make that request: the URL is not valid, does not exist or is not allowed. I can only "
    "visit public sites over http or https, without user name or password in the URL.",
}
CASES = read_cases()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


async def ask(
    handler: Handler, path: str = "/", *, settings: dict[str, Any] | None = None, **values: Any
) -> Any:
    """Runs the tool against a server on loopback that the operator has allowed."""
    async with serving(handler) as port:
        chosen = settings_with(http_tool_allowed_private=f"127.0.0.1:{port}", **(settings or {}))
        async with tool_context(chosen, timeout_s=5) as ctx:
            args = arguments_of(TOOL, url=f"http://127.0.0.1:{port}{path}", **values)
            return await TOOL.run(args, ctx)


async def seen(**values: Any) -> Request:
    """The request that a server gets."""
    site = Site()
    await ask(site, **values)
    return site.requests[0]


# Where requests may go


def test_no_case_of_the_file_is_left_out():
    lines = [line for line in CASES_FILE.read_text().splitlines() if line[:1] not in ("", "#")]

    assert [case.line for case in CASES] == lines
    assert {case.verdict for case in CASES} == {"block", "allow"}


@pytest.mark.parametrize("case", [c for c in CASES if c.verdict == "allow"], ids=lambda case: case.line[:60])
async def test_what_is_allowed_is_reached(case: Case, authority: Authority):
    outcome = await play(case, authority)

    assert outcome.status == 200
    assert {host for host, _ in outcome.contacts} <= allowed_contacts(case)
    assert len(outcome.requested) == max(1, len(case.hops))


@pytest.mark.parametrize("case", [c for c in CASES if c.verdict == "block"], ids=lambda case: case.line[:60])
async def test_what_is_blocked_reaches_nobody(case: Case, authority: Authority):
    outcome = await play(case, authority)

    assert {host for host, _ in outcome.contacts} <= allowed_contacts(case)
    if case.is_rebinding:
        assert len(outcome.asked) == len(outcome.contacts) == 1
        return
    assert outcome.refusal is not None
    assert len(outcome.contacts) == max(0, len(case.hops) - 1)
    if case.is_about_the_url:
        assert str(outcome.refusal) == REFUSAL["es"]


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://nowhere.example/", "file:///etc/passwd", "http://redis/"]
)
async def test_refusals_sound_the_same_in_english_too(url: str, authority: Authority):
    outcome = await play(Case("", url=url), authority, "en")

    assert str(outcome.refusal) == REFUSAL["en"]


@pytest.mark.parametrize(
    "name", ["metadata.google.internal", "localhost", "redis", "printer.local", "a.home.arpa"]
)
async def test_private_names_are_not_even_looked_up(name: str, authority: Authority):
    outcome = await play(Case("", url=f"http://{name}/", names={name: [["8.8.8.8"]]}), authority)

    assert str(outcome.refusal) == REFUSAL["es"]
    assert outcome.asked == outcome.contacts == []


async def test_a_private_name_is_reached_if_the_operator_allows_it(authority: Authority):
    case = Case("", url="http://redis:8080/x", private="redis:8080", names={"redis": [["10.1.2.3"]]})

    outcome = await play(case, authority)

    assert outcome.status == 200
    assert outcome.contacts == [("10.1.2.3", 8080)]
    assert outcome.requested == ["redis:8080/x"]


def test_the_public_addresses_of_the_cases_are_no_private_ones_by_mistake():
    assert not any(address.startswith(("10.", "127.", "192.168.")) for address in PUBLIC)


# What is sent


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_each_method_is_sent_as_asked(method: str):
    assert (await seen(method=method.lower())).method == method


async def test_json_is_sent_with_its_type():
    request = await seen(method="POST", json={"ciudad": "Cádiz", "n": [1, None]})

    assert json.loads(request.body) == {"ciudad": "Cádiz", "n": [1, None]}
    assert request.headers["content-type"] == "application/json"


async def test_null_is_a_json_body_too():
    assert (await seen(method="PUT", json=None)).body == b"null"


async def test_text_is_sent_with_the_type_that_was_chosen():
    request = await seen(
        method="POST", body="a=1", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert request.body == b"a=1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_chosen_headers_are_sent():
    request = await seen(headers={"Accept": "text/csv", "Authorization": "Bearer abc"})

    assert request.headers["accept"] == "text/csv"
    assert request.headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_carries_its_call_id_so_that_it_can_happen_only_once(method: str):
    assert (await seen(method=method)).headers["idempotency-key"] == "call_test"


async def test_a_read_carries_no_idempotency_key():
    assert "idempotency-key" not in (await seen()).headers


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert (await seen()).method == "GET"


@pytest.mark.parametrize(
    ("method", "effect"),
    [
        ("GET", "read"),
        ("HEAD", "read"),
        ("POST", "write"),
        ("PUT", "write"),
        ("PATCH", "write"),
        ("DELETE", "write"),
    ],
)
def test_everything_but_get_and_head_counts_as_a_write(method: str, effect: str):
    assert TOOL.effect_of(arguments_of(TOOL, url="http://a.example/", method=method)) == effect


# What is refused before connecting


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Connection",
            "Proxy-Authorization",
            "proxy-x",
            "TE",
        ),
        *("Idempotency-Key", "X-HTTP-Method-Override", "TE", "Upgrade", "Accept-Encoding", "User-Agent"),
        *("X Y", "X:", "X\r\nY", "", "X\0", "Ñ"),
    ],
)
def test_header_names_that_change_the_request_itself_are_refused(name: str):
    with pytest.raises(ValidationError, match="header"):
        arguments_of(TOOL, url="http://a.example/", headers={name: "1"})


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\r\n b", "a\0b", "\x1b[31m", "ñ", "a" * 4001])
def test_header_values_that_would_add_lines_or_are_no_ascii_are_refused(value: str):
    with pytest.raises(ValidationError, match="printable ASCII"):
        arguments_of(TOOL, url="http://a.example/", headers={"X-A": value})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"method": "TRACE"}, "method"),
        ({"method": "GET\r\nX: y"}, "method"),
        ({"body": "x"}, "takes no body"),
        ({"method": "HEAD", "json": {}}, "takes no body"),
        ({"method": "POST", "json": {}, "body": "x"}, "not both"),
        ({"method": "POST", "json": float("nan")}, "JSON"),
        ({"method": "POST", "body": "x" * 100_001}, "100000"),
        ({"headers": {f"X-{n}": "1" for n in range(31)}}, "30"),
        ({"timeout": 3}, "timeout"),
        ({"url": None}, "url"),
    ],
)
def test_wrong_arguments_are_named(values: dict[str, Any], reason: str):
    with pytest.raises(ValidationError, match=reason):
        arguments_of(TOOL, **{"url": "http://a.example/"} | values)


def test_the_schema_calls_the_arguments_by_their_public_names():
    parameters = TOOL.schema()["function"]["parameters"]

    assert set(parameters["properties"]) == {"url", "method", "headers", "body", "json"}
    assert parameters["required"] == ["url"]


# What is told


async def test_json_is_told_parsed():
    answer = response(
        body=b'{"a": [1, "\\u001b[31mx\\u0000"]}', content_type="application/json", x_secret="1"
    )

    result = await ask(answering(answer), "/v1?q=ñ")

    url = result.pop("url")
    assert url.endswith("/v1?q=%C3%B1")
    assert result == {
        "status": 200,
        "headers": {"content-type": "application/json", "content-length": "31"},
        "json": {"a": [1, "x"]},
        "redirects": 0,
        "truncated": False,
    }


async def test_an_error_status_is_an_answer_like_any_other():
    result = await ask(answering(response(404, b"not here", content_type="text/plain")))

    assert (result["status"], result["body"]) == (404, "not here")


async def test_an_empty_answer_is_told_as_such():
    result = await ask(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), method="DELETE")

    assert (result["status"], result["body"], result["truncated"]) == (204, "", False)


async def test_the_answer_to_head_has_headers_and_no_body():
    result = await ask(answering(response(content_length="5000", etag='"x"')), method="HEAD")

    assert result["body"] == ""
    assert result["headers"] == {"content-length": "5000", "etag": '"x"'}


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", ""])
async def test_binary_is_described_not_shown(content_type: str):
    result = await ask(answering(response(body=b"\x89PNG\r\n\x1a\n\0\0", content_type=content_type)))

    assert result["body"] == ""
    assert result["note"] == "El cuerpo no es texto y no se muestra."


@pytest.mark.parametrize("body", [b"x" * 50_000, b'"\\\n' * 20_000, "ñ😀".encode() * 9000, b"\0" * 30_000])
async def test_a_long_body_is_cut_so_that_the_whole_result_fits(body: bytes):
    result = await ask(answering(response(body=body, content_type="text/plain")))

    assert result["truncated"]
    assert len(json.dumps(result, ensure_ascii=False)) <= 8000


async def test_a_body_fills_the_room_that_there_is():
    result = await ask(answering(response(body=b"<p>\n" * 20_000, content_type="text/html")))

    assert 7900 < len(json.dumps(result, ensure_ascii=False)) <= 8000


async def test_json_that_is_too_long_is_told_as_the_text_that_fits():
    body = json.dumps(["x" * 100] * 300).encode()

    result = await ask(answering(response(body=body, content_type="application/json")))

    assert result["truncated"]
    assert result["body"].startswith('["xxx')


async def test_the_limit_is_the_settings():
    page = answering(response(body=b"y" * 5000, content_type="text/plain"))

    result = await ask(page, settings={"tool_result_max_chars": 1000})

    assert 900 < len(json.dumps(result)) <= 1000


async def test_a_body_that_breaks_off_is_told_with_a_note():
    result = await ask(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))

    assert (result["body"], result["truncated"]) == ("half", True)
    assert result["note"] == "El servidor ha cortado la respuesta antes de su final."


async def test_a_write_whose_answer_is_lost_is_told_as_possibly_done():
    with pytest.raises(ToolError, match=r"no es HTTP válido\. No se sabe si la petición ha tenido efecto\."):
        await ask(answering(b"", abort=True), method="POST")


async def test_a_read_whose_answer_is_lost_is_just_lost():
    with pytest.raises(ToolError, match=r"no es HTTP válido\.$"):
        await ask(answering(b"", abort=True))


async def test_a_write_that_is_done_and_redirected_to_a_forbidden_place_is_told_as_possibly_done():
    with pytest.raises(ToolError, match=r"No se sabe si la petición ha tenido efecto\."):
        await ask(answering(response(303, location="http://10.0.0.1/")), method="POST")


async def test_a_call_without_time_left_ends_at_once_without_connecting():
    site = Site()
    async with serving(site) as port:
        settings = settings_with(http_tool_allowed_private="127.0.0.1")
        async with tool_context(settings, timeout_s=0) as ctx:
            with pytest.raises(ToolError, match="a tiempo"):
                await TOOL.run(arguments_of(TOOL, url=f"http://127.0.0.1:{port}/"), ctx)

    assert site.requests == []
