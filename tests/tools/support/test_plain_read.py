"""What may go unasked: requests of which nothing says that they do more than read."""

import pytest

from app.tools.make_http_request import run as TOOL
from app.tools.support.plain_read import READ_HEADERS, is_plain_read
from tests.support.context import arguments_of

URL = "https://a.example/items/3"


@pytest.mark.parametrize("name", sorted(READ_HEADERS))
def test_known_headers_are_for_reading(name: str):
    assert is_plain_read("GET", URL, [name.title()])


@pytest.mark.parametrize(
    "name",
    [
        *("X_HTTP_Method_Override", "X-Original-Method", "X-Rewrite-URL", "X-Original-URL", "X-HTTP-METHOD"),
        *(
            "X-HTTP-Method-Overrid",
            "Method",
            "_method",
            "X-Method",
            "HTTP_X_HTTP_METHOD_OVERRIDE",
            "X-Action",
        ),
        *(
            "SOAPAction",
            "Destination",
            "Overwrite",
            "X-Forwarded-Method",
            "Depth",
            "X-Amz-Target",
            "X!Method",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_any_other_header_makes_a_write(name: str, method: str):
    assert not is_plain_read(method, URL, ["Accept", name])


@pytest.mark.parametrize(
    "query",
    [
        *("_method=DELETE", "a=1&_method=delete", "a=1;_METHOD=put", "_method[]=PATCH", "%5Fmethod=DELETE"),
        *(
            "X-HTTP-Method-Override=DELETE",
            "x_http_method_override=PUT",
            "$method=POST",
            "http_method=DELETE",
        ),
        *("method=delete", "verb=DELETE", "%255Fmethod=DELETE", "_method=%44ELETE", "_method=+DELETE"),
        *(
            "_method=DELETE%0a",
            "_method=%00DELETE",
            "_method='DELETE'",
            "requestMethod=POST",
            "_method=DELETE#a",
            "a=b?_method=DELETE",
        ),
    ],
)
def test_parameter_that_names_another_method_makes_a_write(query: str):
    assert not is_plain_read("GET", f"{URL}?{query}", [])
    assert not is_plain_read("GET", f"{URL};{query}", [])


@pytest.mark.parametrize(
    "query",
    [
        *("", "q=delete", "method=flickr.photos.search", "method=get", "payment_method=card", "_method=GET"),
        *(
            "q=_method%3DDELETE+in+rails",
            "title=HTTP+method",
            "#_method=DELETE",
            "verb=run",
            "methods=DELETE",
        ),
    ],
)
def test_other_parameters_are_for_reading(query: str):
    assert is_plain_read("GET", f"{URL}?{query}", []) or "%3DDELETE" not in query
    if "%3D" not in query:
        assert is_plain_read("GET", f"{URL}?{query}", [])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_methods_that_write_are_writes(method: str):
    assert not is_plain_read(method, URL, [])


@pytest.mark.parametrize(
    ("values", "effect"),
    [
        ({}, "read"),
        ({"headers": {"Accept": "text/html", "Authorization": "Bearer x"}}, "read"),
        ({"headers": {"X_HTTP_Method_Override": "DELETE"}}, "write"),
        ({"url": f"{URL}?_method=DELETE"}, "write"),
        ({"method": "head"}, "read"),
        ({"method": "POST"}, "write"),
    ],
)
def test_the_tool_says_so(values: dict[str, object], effect: str):
    assert TOOL.effect_of(arguments_of(TOOL, **{"url": URL, **values})) == effect
