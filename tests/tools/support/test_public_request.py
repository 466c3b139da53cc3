"""What goes over the wire, and what is left of it after a redirect."""

import pytest

from app.tools.support.public_request import PublicRequest
from app.tools.support.web_address import BadWebAddress, parse_web_address

HERE = parse_web_address("https://a.example/form")


def request(method: str = "POST") -> PublicRequest:
    headers = (
        ("Authorization", "secret"),
        ("X-Api-Key", "secret"),
        ("Accept", "*/*"),
        ("Content-Type", "text/csv"),
    )
    return PublicRequest(method, HERE, headers, b"a,b", "call_1")


def names(request: PublicRequest) -> set[str]:
    return {name for name, _ in request.headers}


def test_the_wire_has_our_own_fields_once():
    fields = [name.lower() for name, _ in request().wire_headers()]

    assert fields[0] == b"host"
    assert len(fields) == len(set(fields))
    assert {b"content-length", b"idempotency-key", b"connection"} <= set(fields)


@pytest.mark.parametrize(
    ("method", "has_length"), [("GET", False), ("DELETE", False), ("POST", True), ("PUT", True)]
)
def test_an_empty_body_is_announced_where_one_is_expected(method: str, has_length: bool):
    fields = dict(PublicRequest(method, HERE).wire_headers())

    assert (fields.get(b"Content-Length") == b"0") is has_length


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        *(
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (303, "POST", "GET"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
        ),
        *((307, "POST", "POST"), (308, "POST", "POST"), (301, "PUT", "PUT"), (302, "DELETE", "DELETE")),
    ],
)
def test_a_redirect_changes_the_method_as_the_standard_says(status: int, method: str, becomes: str):
    assert request(method).redirected(status, "/next").method == becomes


def test_a_write_that_became_a_read_has_no_body_and_no_key():
    redirected = request().redirected(303, "/done")

    assert redirected.content is redirected.idempotency_key is None
    assert names(redirected) == {"Authorization", "X-Api-Key", "Accept"}


def test_a_write_that_stays_on_its_site_stays_whole():
    redirected = request().redirected(307, "/other")

    assert (redirected.content, redirected.idempotency_key) == (b"a,b", "call_1")
    assert redirected.headers == request().headers


@pytest.mark.parametrize("location", ["https://b.example/", "http://a.example/", "https://a.example:8443/"])
def test_secrets_do_not_follow_to_another_site(location: str):
    redirected = request().redirected(307, location)

    assert names(redirected) == {"Accept", "Content-Type"}
    assert redirected.idempotency_key is None
    assert redirected.content == b"a,b"


def test_a_redirect_to_what_is_no_web_address_is_refused():
    with pytest.raises(BadWebAddress):
        request().redirected(302, "file:///etc/passwd")
